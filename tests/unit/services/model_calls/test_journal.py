"""The line file: what was appended is read again, whatever a death left behind."""

from pathlib import Path

from pydantic import BaseModel

from app.services.model_calls.journal import LineFile


class Entry(BaseModel, frozen=True):
    n: int


def test_lines_are_read_in_the_order_they_were_appended(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "lines.jsonl", Entry)
    assert list(lines.read()) == []
    lines.append([Entry(n=1), Entry(n=2)])
    lines.append([])
    lines.append([Entry(n=3)])
    assert [each.n for each in lines.read()] == [1, 2, 3]
    assert (tmp_path / "lines.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n'


def test_nothing_to_append_makes_no_file(tmp_path: Path) -> None:
    LineFile(tmp_path / "lines.jsonl", Entry).append([])
    assert not (tmp_path / "lines.jsonl").exists()


def test_a_line_that_was_cut_off_is_skipped_and_swallows_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    lines = LineFile(path, Entry)
    lines.append([Entry(n=1)])
    with path.open("ab") as file:
        file.write(b'{"n": 2')
    lines.append([Entry(n=3)])
    assert [each.n for each in lines.read()] == [1, 3]
    assert path.read_bytes().endswith(b'{"n": 2\n{"n":3}\n')
