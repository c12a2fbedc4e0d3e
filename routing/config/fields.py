"""What a field can hold: the readers that turn one into a value, noting what is wrong with it."""

import re
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from routing.config.entry import Entry
from routing.config.errors import did_you_mean
from routing.config.nodes import Scalar, Source
from routing.hours import ALWAYS, Hours, Window, parse_hours, parse_moment
from routing.numbers import Numbering

Word = TypeVar("Word", bound=StrEnum)

WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")
"""A name given here: of a skill, a pool, a trunk, a target."""

A_WORD = "a name: small letters, digits and hyphens, as in 'housing-fund'"
RANGE_MOST = 10_000
YES, NO = frozenset({"yes", "true"}), frozenset({"no", "false"})
_DURATION = re.compile(r"(\d{1,9}) ?(ms|s|min|h|d)\Z", re.ASCII)
_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_SIZE = re.compile(r"(\d{1,9}) ?(KiB|MiB|GiB|TiB)\Z", re.ASCII)
_SHIFTS = {"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
_WHOLE = re.compile(r"\d{1,12}\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


def yes(entry: Entry, key: str) -> bool:
    """`yes` or `no`."""
    word = entry.text(key)
    if word not in YES | NO:
        entry.wrong(key, word, "is neither yes nor no")
    return word in YES


def between(least: int, most: int) -> Callable[[Entry, str], int]:
    """A reader of whole numbers from `least` to `most`."""

    def read(entry: Entry, key: str) -> int:
        number: str = entry.text(key)
        if not _WHOLE.match(number):
            entry.wrong(key, number, "is not a whole number")
        elif not least <= int(number) <= most:
            entry.fault(key, f"'{key}' is {number}; it must lie between {least} and {most}")
        else:
            return int(number)
        return least

    return read


def duration(entry: Entry, key: str) -> timedelta:
    """A duration with its unit: `500 ms`, `6 s`, `2 min`, `8 h`, `30 d`."""
    written = entry.text(key)
    read = _lasts(written)
    if read is None:
        entry.wrong(key, written, _NO_DURATION)
    return read or timedelta(0)


def durations(entry: Entry, key: str) -> tuple[timedelta, ...]:
    """A list of durations."""
    found: list[timedelta] = []
    for word in entry.words(key):
        read = _lasts(word.text)
        if read is None:
            entry.source.fault(word, f"'{word.text}' {_NO_DURATION}")
        found.append(read or timedelta(0))
    return tuple(found)


_NO_DURATION = "is not a duration: write a number and ms, s, min, h or d, as in '6 s'"


def _lasts(text: str) -> timedelta | None:
    match = _DURATION.match(text)
    return timedelta(milliseconds=int(match[1]) * _UNITS[match[2]]) if match else None


def lasting(entry: Entry, key: str) -> timedelta:
    """A duration of more than nothing: a wait that must give somebody the time to answer."""
    noted = len(entry.source.faults)
    read = duration(entry, key)
    if not read and len(entry.source.faults) == noted:
        entry.fault(key, f"'{key}' is {entry.peek(key)}: a wait of nothing reaches nobody")
    return read


def size(entry: Entry, key: str) -> int:
    """Bytes: `8 GiB`."""
    written = entry.text(key)
    match = _SIZE.match(written)
    if match is None:
        entry.wrong(key, written, "is not a size: write a number and KiB, MiB, GiB or TiB, as in '8 GiB'")
        return 0
    return int(match[1]) << _SHIFTS[match[2]]


def hours(entry: Entry, key: str) -> Hours:
    """Opening hours, week by week."""
    written = entry.text(key)
    try:
        return parse_hours(written)
    except ValueError as error:
        entry.wrong(key, written, f"does not say when '{key}' are: {error}")
        return ALWAYS


def moment(entry: Entry, key: str) -> datetime | None:
    """A moment on Shanghai's clock: `2021-09-15T09:00`; `now` is None."""
    written = entry.text(key)
    try:
        return None if written == "now" else parse_moment(written)
    except (ValueError, OverflowError):
        entry.wrong(key, written, "is not a moment: write 2021-09-15T09:00, or now")
        return None


def day(entry: Entry, key: str) -> date:
    """A day: `2021-09-01`."""
    written = entry.text(key)
    try:
        if _DAY.match(written):
            return date.fromisoformat(written)
    except ValueError:
        pass
    entry.wrong(key, written, "is not a day of the calendar: write 2021-09-01")
    return date.min


def window(entry: Entry, key: str) -> Window:
    """Whole days `{from, until}`, the first before the second."""
    days = Entry(entry.source, entry.place(key), f"'{key}'", ("from", "until"))
    noted = len(entry.source.faults)
    read = Window(day(days, "from"), day(days, "until"))
    if len(entry.source.faults) == noted and read.begins >= read.ends:
        days.fault("until", f"'{key}' ends on {read.ends}, which is not after {read.begins}, when it begins")
    return read


def choice(kind: type[Word]) -> Callable[[Entry, str], Word]:
    """A reader of the words of `kind`."""
    words = {str(word): word for word in kind}

    def read(entry: Entry, key: str) -> Word:
        written = entry.text(key)
        word = words.get(written)
        if word is None:
            entry.wrong(key, written, f"is not a value of '{key}'{did_you_mean(written, words)}")
            return next(iter(kind))
        return word

    return read


def matching(pattern: re.Pattern[str], meaning: str) -> Callable[[Entry, str], str]:
    """A reader of texts of which `pattern` matches the whole; `meaning` says what they must look like."""

    def read(entry: Entry, key: str) -> str:
        word = entry.text(key)
        if pattern.fullmatch(word) is None:
            entry.wrong(key, word, f"is not {meaning}")
        return word

    return read


def numbered(pattern: re.Pattern[str], meaning: str) -> Callable[[Entry, str], tuple[str, ...]]:
    """A reader of one number, or of a range of numbers, both ends included: `8021-8095`."""

    def read(entry: Entry, key: str) -> tuple[str, ...]:
        written = entry.text(key)
        first, dash, last = written.partition("-")
        ends = (first, last) if dash else (written, written)
        if any(pattern.fullmatch(end) is None for end in ends) or len(ends[0]) != len(ends[1]):
            entry.wrong(
                key, written, f"is not {meaning}, nor a range of such: 8021-8095" if dash else f"is not {meaning}"
            )
            return ()
        numbers = range(int(ends[0]), int(ends[1]) + 1)
        if not 1 <= len(numbers) <= RANGE_MOST:
            entry.fault(key, f"'{key}' is {written}: a range goes upwards, and holds {RANGE_MOST} numbers at most")
            return ()
        return tuple(f"{number:0{len(first)}}" for number in numbers)

    return read


a_word = matching(WORD, A_WORD)


def one_of(known: Collection[str], noun: str) -> Callable[[Entry, str], str]:
    """A reader of references: the name of a `noun` that is defined."""

    def read(entry: Entry, key: str) -> str:
        word = entry.text(key)
        if word not in known:
            entry.wrong(key, word, undefined(known, noun, word))
        return word

    return read


def each_of(known: Collection[str], noun: str) -> Callable[[Entry, str], tuple[str, ...]]:
    """A reader of lists of references."""

    def read(entry: Entry, key: str) -> tuple[str, ...]:
        words = entry.words(key)
        for word in words:
            refer(entry.source, word, known, noun)
        return tuple(word.text for word in words)

    return read


def telephones(entry: Entry, key: str, numbering: Numbering) -> Iterator[tuple[Scalar, str]]:
    """The telephone numbers of a list, in any spelling: as each is written, and its canonical form."""
    for word in entry.words(key):
        number = numbering.normalise(word.text)
        if number is None:
            entry.source.fault(word, f"'{word.text}' is not a telephone number")
        else:
            yield word, number


def refer(source: Source, word: Scalar, known: Collection[str], noun: str) -> None:
    """Note a fault if `word` is not the name of a `noun`."""
    if word.text not in known:
        source.fault(word, f"'{word.text}' {undefined(known, noun, word.text)}")


def undefined(known: Collection[str], noun: str, word: str) -> str:
    """Why `word` is no good as the name of a `noun`."""
    return f"is not the name of a {noun}{did_you_mean(word, known)}"
