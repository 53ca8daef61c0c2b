"""The wheel: an installation has every file that a checkout has, and no tests."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("app", "workers", "migrations", "seed_tasks")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for folder in FOLDERS:
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, source / folder, ignore=without)
    build = "import setuptools.build_meta as b; b.build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    [path] = source.glob("*.whl")
    return path


def test_it_has_every_file_of_the_packages_and_nothing_else(wheel: Path) -> None:
    # Files of ours that no pattern of pyproject.toml names would be missing.
    ours = {
        path.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if ".dist-info/" not in name}
    assert names == ours


def test_its_command_finds_what_lies_beside_the_packages(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        content.extractall(tmp_path / "installed")
    check = (
        "from app.cli.run import BUNDLED_SEEDS; from app.store.backup.schema import tables_at;"
        "assert BUNDLED_SEEDS.read_text(); assert tables_at('0001')"
    )
    environment = {"PYTHONPATH": str(tmp_path / "installed")}
    subprocess.run([sys.executable, "-c", check], cwd=tmp_path, env=environment, check=True)
