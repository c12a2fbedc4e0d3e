"""Values kept in a small file of their own: one a line, whole, with its checksum; the last of a name counts."""

import logging
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import msgspec

from ivr.edge.protocols import Disk

log = logging.getLogger(__name__)


def line(value: msgspec.Struct) -> bytes:
    """A value as it stands in the file, without its newline."""
    content = msgspec.json.encode(value)
    return b"%08x %b" % (crc32(content), content)


def values(disk: Disk, kind: Any, whose: str, unread: list[bytes] | None = None) -> Iterator[Any]:
    """What the file says, each of type `kind`; a line that cannot be trusted is left out, and said.

    One that can be, and says what this version does not know, is put into `unread`.
    """
    for number, each in enumerate(disk.read(), 1):
        content = each[9:]
        if each[:9] != b"%08x " % crc32(content):
            log.error("%s: line %d of %s does not match its checksum, and is left out", whose, number, disk.name)
            continue
        try:
            yield msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as fault:
            log.error("%s: line %d of %s is left out: %s", whose, number, disk.name, fault)  # noqa: TRY400 - says all
            if unread is not None:
                unread.append(each)
