"""Files that a command reads or writes on this machine."""

import os
from pathlib import Path

from app.atomic_files import written
from app.errors import InvalidInput


def read_file(path: Path) -> bytes:
    """Return the bytes of a file named on the command line.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error


def read_text(path: Path) -> str:
    """Return the text of a file named on the command line.

    Raises:
        InvalidInput: it cannot be read, or is not UTF-8.
    """
    try:
        return read_file(path).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text.") from error


def checked_target(out: Path) -> Path:
    """Return the absolute path of a file to write; its folder is created.

    Checked before a run starts, so that hours of work don't end with an error.

    Raises:
        InvalidInput: it cannot be written.
    """
    out = out.expanduser().absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}.") from error
    if out.is_dir():
        raise InvalidInput(
            f"{out} is a folder; give the name of a file in it, such as {out / 'NAME'}."
        )
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InvalidInput(f"{out} cannot be written: no permission for its folder.")
    return out


def save(content: bytes, out: Path) -> None:
    """Write a whole file, replacing an earlier one in one step."""
    with written(out) as file:
        file.write(content)
