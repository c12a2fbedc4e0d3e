"""Secrets of one house: made at its first start, kept in files that only its user can read."""

import os
import secrets
from pathlib import Path

from ivr.errors import Trouble


def token_in(file: str) -> str:
    """The token that somebody keeps in a file which only they can read.  Raises `Trouble`."""
    path = Path(file)
    try:
        if path.stat().st_mode & 0o077:
            raise Trouble(f"the token in {path} can be read by others: chmod 600 {path}, and revoke it if it was.")
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"the token in {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise Trouble(f"there is no token in {path}: it holds what hotline tokens add printed, and nothing else.")
    return token


class Secrets:
    """The folder `secrets/` of a state directory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.folder = folder

    def get(self, name: str) -> str:
        """The secret `name`; made at the first question, the same for ever after, whoever asks at the same time."""
        path = self.folder / name
        try:
            return self._read(path)
        except FileNotFoundError:
            pass
        made = self.folder / f".{name}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)  # fails if another one was quicker: then theirs holds
        except FileExistsError:
            pass
        finally:
            made.unlink()
        return self._read(path)

    def drop(self, name: str) -> None:
        """Nobody needs it any more."""
        (self.folder / name).unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path) -> str:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        if secret := path.read_text().strip():
            return secret
        raise Trouble(f"the secret {path} is empty: delete the file, and a new one is made at the next start.")
