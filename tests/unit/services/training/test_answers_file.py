"""A job's answers as a file: what was written is what is read."""

from pathlib import Path

from app.dataset_row import Exchange, Record
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.services.training.answers_file import read_answers, write_answers

TASKS = (
    HeldOutTask("0", Record("Add.", "5", "2 and 3"), is_classification=True),
    HeldOutTask(
        "7",
        Record("And\u2028then?\r\n", "Enfin.", system="Be brief.", history=(Exchange("a", "b"),)),
    ),
)


def test_tasks_and_answers_come_back_as_they_were(tmp_path: Path) -> None:
    models = (
        Contender("x", (Answer("0", "six\r"), Answer("7", "\u2028"))),
        Contender("y", (Answer("0", "5"), Answer("7", ""))),
    )
    write_answers(tmp_path / "answers.jsonl", TASKS, models)
    tasks, found = read_answers(tmp_path / "answers.jsonl")
    assert tuple(tasks) == TASKS
    assert tuple(found) == models


def test_a_task_without_an_answer_has_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    write_answers(path, TASKS, [Contender("x", (Answer("7", "\udcff"),))])
    _, (found,) = read_answers(path)
    assert [answer.text for answer in found.answers] == ["", "?"]
