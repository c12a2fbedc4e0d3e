"""The folder of the census' provisional lines: a file for each call that the dialplan has without us, named like it."""

from collections.abc import Sequence
from pathlib import Path

from ivr.errors import DiskError
from routing.ids import CallId


class ProvisionalFolder:
    """`protocols.Provisional`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Sequence[tuple[CallId, str]]:
        """Those that are written; an empty one is about to be."""
        try:
            files = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
            found = [(CallId(path.name), path.read_text("utf-8", "replace").strip()) for path in files]
        except OSError as error:
            raise DiskError(f"{self._folder} could not be read: {error.strerror or error}") from error
        return [(call, line) for call, line in found if line]

    def remove(self, call: CallId) -> None:
        """A call's id is a name without a way into another folder."""
        path = self._folder / call
        try:
            if path.parent == self._folder:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise DiskError(f"{path} could not be removed: {error.strerror or error}") from error
