"""Folders that appear under their name when they are whole, and never before."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import Conflict
from app.formats.files import keep_name, out_of_space_told


@contextmanager
def whole_folder(target: Path, *, keep_existing: bool = False) -> Iterator[Path]:
    """Give a folder beside the target that takes its name when the block has ended well.

    Args:
        target: The name to take.
        keep_existing: Whether one that another put there meanwhile is as good as ours.

    Raises:
        Conflict: when there is something of this name; it is left as it was.
        OutOfSpace: when the disk is full; nothing is left.
    """
    taken = f"There is something called {target.name} already."
    if target.exists() and not keep_existing:
        raise Conflict(taken)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    with out_of_space_told(target):
        try:
            beside.mkdir()
            yield beside
            try:
                # Only an empty folder could be replaced so: two writers never mix.
                beside.rename(target)
            except OSError as error:
                if not target.exists():
                    raise
                if not keep_existing:
                    raise Conflict(taken) from error
                shutil.rmtree(beside)
            keep_name(target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
