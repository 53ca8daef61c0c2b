"""The files of a base model in a folder, checked before they are loaded.

The libraries that read them name neither the file nor what to do.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError, safe_open

from app.errors import Fault

_LFS = b"version https://git-lfs.github.com/spec/"
_INDEX = "model.safetensors.index.json"


def faults_of_files(folder: Path) -> list[Fault]:
    """Return what is wrong with the files of a model, with what to do; empty: nothing was found."""
    return [Fault(text, field="base_model") for text in _texts(folder)]


def _texts(folder: Path) -> Iterator[str]:
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        with file.open("rb") as opened:
            start = opened.read(len(_LFS))
        if start == _LFS:
            yield f"{file.name} is a Git LFS pointer; run `git lfs pull` in the folder"
        elif not start:
            yield f"{file.name} is empty; copy or download it again"
        elif file.suffix == ".safetensors":
            yield from _damage(file)
    if (folder / _INDEX).is_file():
        yield from (
            f"{name} is missing, which {_INDEX} names; copy or download it"
            for name in sorted(_named_in_index(folder / _INDEX))
            if not (folder / name).is_file()
        )


def _damage(file: Path) -> Iterator[str]:
    try:
        with safe_open(file, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        yield f"{file.name} is damaged or incomplete ({error}); copy or download it again"


def _named_in_index(file: Path) -> set[str]:
    try:
        return set(json.loads(file.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        # The loader says what is wrong with it.
        return set()
