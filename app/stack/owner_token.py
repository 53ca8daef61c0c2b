"""The token in the data folder, which only the user of the service can read.

Callers whose user the service can't determine send it, while no API key was ever made.
"""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

_FILE = "owner.token"
_FORM = re.compile(r"sb_local_[0-9a-f]{64}")


def is_owner_token(text: str) -> bool:
    """Return True when a text has the form of a token, whether or not it is valid."""
    return _FORM.fullmatch(text) is not None


def owner_token(data_dir: Path) -> str | None:
    """Return the token of a data folder.

    Returns:
        None when there is none, or it is not a file that only this user can read.
    """
    path = data_dir.expanduser() / _FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        found = os.fstat(descriptor)
        is_ours = found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
        text = file.read(200).strip() if is_ours else ""
    return text if is_owner_token(text) else None


def make_owner_token(data_dir: Path) -> str | None:
    """Return the token of a data folder, made now if there is none that only this user can read.

    Returns:
        None when it can't be stored.
    """
    found = owner_token(data_dir)
    if found is not None:
        return found
    token = f"sb_local_{secrets.token_hex(32)}"
    folder = data_dir.expanduser()
    fresh = folder / f"{_FILE}.{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
        fresh.replace(folder / _FILE)
    except OSError:
        return None
    # Of two processes that made one at once, the later one's is there.
    return owner_token(data_dir)


def remove_owner_token(data_dir: Path) -> None:
    """Remove the token of a data folder, if there is one."""
    with contextlib.suppress(OSError):
        (data_dir.expanduser() / _FILE).unlink(missing_ok=True)
