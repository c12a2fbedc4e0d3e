"""The lines of a journal: one entry each, checksummed, `crc32 [seq, at, topic, key, body]`.  Bytes and values alone."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zlib import crc32

import msgspec

from routing.ids import Instant

log = logging.getLogger(__name__)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A line of the journal."""

    seq: int
    at: Instant
    topic: str
    key: str
    body: msgspec.Raw


class Draft(msgspec.Struct, frozen=True, array_like=True):
    """A line to be written: the body is any value that msgspec can encode."""

    seq: int
    at: Instant
    topic: str
    key: str
    body: Any


def signed(draft: Draft) -> bytes:
    """The line of an entry, without its end."""
    content = msgspec.json.encode(draft)
    return b"%08x %b" % (crc32(content), content)


_decoder = msgspec.json.Decoder(Entry)


def decode(line: bytes, after: int) -> Entry:
    """The entry of a line.  Raises `ValueError` saying what is wrong with it."""
    content = line[9:]
    if line[:9] != b"%08x " % crc32(content):
        raise ValueError("does not match its checksum")
    try:
        entry = _decoder.decode(content)
    except msgspec.DecodeError as fault:
        raise ValueError(f"is not an entry: {fault}") from fault
    if entry.seq <= after:
        raise ValueError(f"is out of order: {entry.seq} after {after}")
    return entry


def trusted_in(line: bytes, after: int) -> Entry | None:
    """The entry of a line that can be trusted and is numbered above `after`."""
    try:
        return decode(line, after)
    except ValueError:
        return None


def seq_of(line: bytes) -> int:
    """The number of a line that is known to be an entry."""
    return int(line[10 : line.index(b",", 10)])


def trusted(lines: Iterable[bytes]) -> Iterator[Entry]:
    """What can be trusted of a journal that another process has, and goes on writing; nothing of it is touched."""
    after = -1
    for line in lines:
        entry = trusted_in(line, after)
        if entry is not None:
            after = entry.seq
            yield entry


def read(entries: Iterable[Entry], kinds: Mapping[str, Any]) -> Iterator[tuple[Entry, Any]]:
    """The entries of some topics, each with its body; `kinds`: topic -> the type of it.

    What another version of us wrote and this one cannot read is left out: a hotline that does not start is worse.
    """
    decoders = {topic: msgspec.json.Decoder(kind) for topic, kind in kinds.items()}
    for entry in entries:
        if entry.topic in decoders:
            try:
                yield entry, decoders[entry.topic].decode(entry.body)
            except msgspec.DecodeError as fault:
                log.error("journal: entry %d (%s) cannot be read: %s", entry.seq, entry.topic, fault)  # noqa: TRY400 - says all
