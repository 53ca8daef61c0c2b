"""How much memory there is."""

from pathlib import Path

import pytest

from app.training.model.memory import container_free_bytes

pytestmark = pytest.mark.torch


def limited(folder: Path, most: str) -> Path:
    folder.mkdir()
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text("900\n")
    (folder / "memory.stat").write_text("anon 300\ninactive_file 500\nactive_file 100\n")
    return folder


def test_of_a_containers_memory_files_that_were_read_are_not_taken(tmp_path: Path) -> None:
    assert container_free_bytes(limited(tmp_path / "tight", "1000")) == 600
    assert container_free_bytes(limited(tmp_path / "over", "100")) == 0


def test_without_a_limit_a_container_leaves_very_much(tmp_path: Path) -> None:
    assert container_free_bytes(limited(tmp_path / "free", "max")) == 2**63
    assert container_free_bytes(tmp_path / "none") == 2**63
