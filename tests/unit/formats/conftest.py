"""The readers of other people, each in a process of its own without network."""

from collections.abc import Iterator

import pytest

from tests.unit.formats.child import Child, child

_LOAD = """
import datasets
datasets.disable_progress_bars()
def answer(builder, *files):
    # A folder alone, or a builder and a file for it.
    found = datasets.load_dataset(builder, **({"data_files": files[0]} if files else {}))
    return {split: rows.to_list() for split, rows in found.items()}
"""
_TRL = """
from trl import data_utils
def answer(rows):
    return [[data_utils.is_conversational(row), data_utils.is_conversational_from_value(row),
             data_utils.maybe_convert_to_chatml(row)] for row in rows]
"""


@pytest.fixture(scope="session")
def datasets_library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """``load_dataset``: the rows of each split of a folder, or of a builder's file."""
    home = str(tmp_path_factory.mktemp("datasets"))
    with child(_LOAD, {"HF_HUB_OFFLINE": "1", "HF_HOME": home}) as running:
        yield running


@pytest.fixture(scope="session")
def trl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """TRL's own checks of rows: whether it is a conversation, one of ShareGPT's; as messages."""
    home = str(tmp_path_factory.mktemp("trl"))
    with child(_TRL, {"HF_HUB_OFFLINE": "1", "HF_HOME": home}) as running:
        yield running
