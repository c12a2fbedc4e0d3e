"""Feature codes: what an agent dials at a seat's phone to be signed in or out, ready or paused."""

from enum import StrEnum


class Code(StrEnum):
    """What is dialled; who may, and what follows, `ivr.seating` knows."""

    SIGN_IN = "*11"
    SIGN_OUT = "*12"
    READY = "*13"
    PAUSE = "*14"
