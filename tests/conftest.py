"""What holds for every test."""

import gc

from hypothesis import settings

settings.register_profile("hotline", deadline=None)  # on a busy machine an example takes as long as it takes
settings.register_profile("check", parent=settings.get_profile("hotline"), max_examples=15)
settings.load_profile("hotline")


def pytest_collection_finish() -> None:
    """What is loaded now stays: simulated cities by the thousand need not have it looked through for rubbish."""
    gc.collect()
    gc.freeze()
