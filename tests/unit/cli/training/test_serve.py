"""`seedbed serve` before anything is loaded: models that cannot be served are refused at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.exits import ExitCode
from app.cli.main import app
from app.stack.environment import variable_names
from app.training.plain.option_groups import MethodName, MethodOptions
from app.training.plain.options import TrainingOptions


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SEEDBED_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def adapter_in(folder: Path, method: MethodName = "dora") -> Path:
    folder.mkdir(parents=True)
    options = TrainingOptions(method=MethodOptions(name=method))
    facts = {"options": options.model_dump(mode="json")}
    (folder / "training.json").write_text(json.dumps(facts))
    (folder / "adapter_config.json").write_text("{}")
    return folder


def serve(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["serve", *arguments], env={"COLUMNS": "300"})


@pytest.mark.parametrize("named", ["training_none", "../elsewhere", "/nowhere/at all"])
def test_what_is_not_there_is_reported(named: str) -> None:
    result = serve(named)
    assert result.exit_code == ExitCode.NOT_FOUND
    assert "no folder, and no training job in this data folder" in result.stderr


def test_a_job_that_left_nothing_so_far_and_a_folder_of_something_else_are_reported(
    data_dir: Path,
) -> None:
    folder = data_dir / "training" / "training_1"
    folder.mkdir(parents=True)
    result = serve("training_1")
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "`seedbed jobs show training_1` shows its state" in result.stderr
    result = serve(str(folder))
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "no training.json in it, nor in its adapter" in result.stderr


def test_llama_cpp_is_refused_for_what_it_cannot_serve(tmp_path: Path) -> None:
    result = serve(str(adapter_in(tmp_path / "mine")), "--engine", "llama.cpp")
    assert result.exit_code == ExitCode.BAD_USAGE
    assert "llama.cpp cannot serve mine: there is no adapter.gguf" in result.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    folder = adapter_in(tmp_path / "mine")
    program = (
        "import sys\n"
        # As on a machine where none of it is installed.
        "sys.modules |= dict.fromkeys(['torch', 'transformers', 'peft', 'accelerate'])\n"
        "from app.cli.main import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "serve", str(folder), "--port", "0"],
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.BAD_USAGE, done.stderr
    assert "pip install 'seedbed[training]'" in done.stderr
    assert "the method is dora" in done.stderr


def test_the_command_line_loads_neither_torch_nor_a_web_server() -> None:
    program = (
        "import sys, app.cli.main\n"
        "print(sorted({'torch', 'transformers', 'peft', 'fastapi', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
