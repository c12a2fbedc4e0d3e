"""What holds for every test."""

from hypothesis import settings

settings.register_profile("hotline", deadline=None)  # on a busy machine an example takes as long as it takes
settings.load_profile("hotline")
