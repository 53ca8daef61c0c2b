"""Training jobs and evaluations on a terminal."""

from app.cli.training.display import job_details, job_headline, job_result, job_table, job_view
from app.schemas.training import TrainingJobView
from tests.unit.cli.answers import evaluation_json, running_job_json
from tests.unit.cli.drawing import drawn


def a_job(**changes: object) -> TrainingJobView:
    return TrainingJobView.model_validate(running_job_json(**changes))


def test_the_headline_names_job_method_and_model() -> None:
    assert job_headline(a_job()) == "training job training_1 · dora · embedded"


def test_the_headline_of_an_evaluation_names_the_job_that_it_evaluates() -> None:
    evaluated = {"training_job_id": "training_7", "base_model": "x"}
    job = a_job(id="e1", kind="evaluation", options=evaluated)
    assert job_headline(job) == "evaluation e1 · of training_7"


def test_the_headline_names_another_program() -> None:
    job = a_job(options={"where": "axolotl", "base_model": "a/b\x1b"})
    assert job_headline(job) == "training job training_1 · a/b\ufffd · for axolotl"


def test_the_view_of_a_running_job_has_step_and_loss() -> None:
    view = job_view(a_job(), ["loaded"])
    assert view.line == "running · step 3/9 · loss 0.5000"
    assert (view.state, view.new_lines) == ("running", ["loaded"])
    details = drawn(view.details)
    assert "running" in details
    assert "3/9" in details
    assert "loss 0.5000" in details


def test_what_is_not_known_is_left_out() -> None:
    assert job_view(a_job(step=0, steps=None, loss=None), []).line == "running"
    assert job_view(a_job(step=4, steps=None, loss=None), []).line == "running · step 4"
    assert "━" not in drawn(job_view(a_job(steps=None), []).details)
    assert "━" not in drawn(job_view(a_job(status="failed"), []).details)


def test_the_result_has_the_message_and_the_findings() -> None:
    job = a_job(status="failed", message="Full.\x1b", evaluation=evaluation_json("It rose."))
    lines = [drawn(each).strip() for each in job_result(job)]
    assert lines == ["failed · step 3/9 · loss 0.5000", "Full.\ufffd", "It rose."]


def test_a_trained_model_without_evaluation_is_said_to_have_none() -> None:
    none = "No rows were held out, so the model was not evaluated."
    for changes, said in (
        ({"status": "succeeded"}, True),
        ({"status": "succeeded", "evaluation": evaluation_json("It rose.")}, False),
        ({"status": "succeeded", "kind": "evaluation"}, False),
        ({"status": "succeeded", "options": {"where": "axolotl"}}, False),
        ({"status": "failed"}, False),
    ):
        assert (none in "".join(drawn(each) for each in job_result(a_job(**changes)))) is said


def test_the_details_begin_with_the_log() -> None:
    shown = [drawn(each).strip() for each in job_details(a_job(log_tail="one\ntwo\n"))]
    assert shown[1:3] == ["one", "two"]


def test_the_table_keeps_ids_whole() -> None:
    long = "training_" + "7" * 30
    table = drawn(job_table([a_job(id=long, options={"base_model": "m" * 99})]), width=120)
    for words in (long, "training", "running", "3/9", "2026-01-02 03:04"):
        assert words in table
