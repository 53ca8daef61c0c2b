"""Judgements as they lie in a job's folder: each there once, whatever a death cut off."""

from pathlib import Path

from app.services.training.judging.judgements import JudgementFile, PaidJudgement


def paid(key: str, reply: str = "") -> PaidJudgement:
    return PaidJudgement(
        key=key,
        task_id="3",
        order="base_first",
        verdict="tie",
        reply=reply,
        model="m",
        prompt_version="pair@1",
    )


def test_what_was_written_is_there_and_a_file_that_is_not_is_empty(tmp_path: Path) -> None:
    file = JudgementFile(tmp_path / "judgements.jsonl")
    assert file.read() == {}
    file.append([paid("a", "two\nlines\r\u2028"), paid("b")])
    file.append([paid("c")])
    assert list(file.read()) == ["a", "b", "c"]
    assert file.read()["a"] == paid("a", "two\nlines\r\u2028")


def test_a_line_cut_off_is_none_and_swallows_no_other(tmp_path: Path) -> None:
    path = tmp_path / "judgements.jsonl"
    file = JudgementFile(path)
    file.append([paid("a"), paid("b")])
    path.write_bytes(path.read_bytes()[:-20])
    file.append([paid("c")])
    assert list(file.read()) == ["a", "c"]


def test_of_two_of_one_question_the_first_counts(tmp_path: Path) -> None:
    file = JudgementFile(tmp_path / "judgements.jsonl")
    file.append([paid("a", "first"), paid("a", "second")])
    assert file.read()["a"].reply == "first"


def test_what_another_job_paid_for_is_taken_over_once_and_only_what_is_asked(
    tmp_path: Path,
) -> None:
    other, file = (JudgementFile(tmp_path / name) for name in ("other.jsonl", "mine.jsonl"))
    # A call without an answer is worth another try.
    other.append([paid("a", "said"), paid("b", "said"), paid("failed"), paid("c", "said")])
    file.append([paid("b", "mine")])
    for _ in range(2):
        file.reuse(other, {"a", "b", "failed"})
    found = file.read()
    assert {key: (each.reply, each.is_reused) for key, each in found.items()} == {
        "b": ("mine", False),
        "a": ("said", True),
    }
    assert (tmp_path / "mine.jsonl").read_bytes().count(b"\n") == 2
