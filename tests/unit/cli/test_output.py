"""Output of a command: where it goes, and how failures end it."""

import io
import json

import pytest
import typer
from rich.text import Text

from app.cli.exits import ExitCode
from app.cli.output import Output, clean, fault_json, fault_table
from app.errors import Fault, InvalidInput, NotFound
from tests.unit.cli.drawing import drawn

FAULTS = (Fault("is empty", 3, "instruction"), Fault("is odd", field="name"))


def test_cleaning_leaves_writing_of_every_kind_as_it_is() -> None:
    text = "ü 中文 \u0928\u092e\u0938\u094d\u0924\u0947 \U0001f600\n\ttab"
    assert clean(text) == text


def test_cleaning_replaces_control_characters() -> None:
    assert clean("a\x1b[2J\rb\x9bc") == "a\ufffd[2J\ufffdb\ufffdc"


def test_results_go_to_standard_output_and_messages_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=False)
    output.message("working\x1b")
    output.show(Text("a result"))
    output.result({"not": "shown"})
    out, err = capsys.readouterr()
    assert out == "a result\n"
    assert err == "working\ufffd\n"


def test_with_json_the_result_is_a_document_and_nothing_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=True)
    output.show(Text("a table"))
    output.result({"a": "ü", "b": [1]})
    out = capsys.readouterr().out
    assert "ü" in out
    assert len(out.splitlines()) > 1
    assert json.loads(out) == {"a": "ü", "b": [1]}


def test_a_command_with_many_results_prints_each_on_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=True, lines=True)
    output.result({"a": 1})
    output.result({"a": 2})
    assert capsys.readouterr().out == '{"a": 1}\n{"a": 2}\n'


def test_a_failure_becomes_a_message_and_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, Output(as_json=False).failures_reported():
        raise NotFound("run", "r9")
    assert ended.value.exit_code == ExitCode.NOT_FOUND
    out, err = capsys.readouterr()
    assert out == ""
    assert "'r9'" in err


def test_faults_are_a_table_for_a_person_and_a_list_for_a_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failure = InvalidInput("Two faults.", FAULTS)
    with pytest.raises(typer.Exit), Output(as_json=False).failures_reported():
        raise failure
    err = capsys.readouterr().err
    assert "Two faults." in err
    assert "is empty" in err
    with pytest.raises(typer.Exit), Output(as_json=True).failures_reported():
        raise failure
    out, err = capsys.readouterr()
    assert "is empty" not in err
    assert json.loads(out) == {
        "error": {
            "message": "Two faults.",
            "faults": [
                {"message": "is empty", "line": 3, "row": None, "field": "instruction"},
                {"message": "is odd", "line": None, "row": None, "field": "name"},
            ],
        }
    }


def test_ctrl_c_has_its_message_and_code(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    with pytest.raises(typer.Exit) as ended, output.failures_reported("The job continues."):
        raise KeyboardInterrupt
    assert ended.value.exit_code == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "The job continues.\n"


def test_a_table_of_faults_has_only_the_columns_that_say_something() -> None:
    assert drawn(fault_table(FAULTS)).split("\n")[0].split() == ["line", "field", "problem"]
    rows = (Fault("is null", row=2), Fault("is null", row=3))
    assert drawn(fault_table(rows)).split("\n")[0].split() == ["row", "problem"]
    assert drawn(fault_table(FAULTS[1:])).split("\n")[0].split() == ["field", "problem"]
    assert drawn(fault_table((Fault("[b]x[/]"),))).split("\n")[1].strip() == "[b]x[/]"


def test_a_fault_keeps_its_place_as_json() -> None:
    assert fault_json(FAULTS[0]) == {
        "message": "is empty",
        "line": 3,
        "row": None,
        "field": "instruction",
    }


def test_progress_goes_to_standard_error() -> None:
    output = Output(as_json=False)
    output.progress.file = io.StringIO()
    output.message("x" * 300)
    assert output.progress.file.getvalue() == "x" * 300 + "\n"
