"""Main scores of an evaluation."""

from app.cli.training.scores import scores_of
from app.evaluation.evaluation_result import Evaluation
from tests.unit.cli.answers import evaluation_json


def interval(value: float) -> dict[str, object]:
    return {"value": value, "low": value, "high": value}


def model(name: str, loss: float | None) -> dict[str, object]:
    figures: dict[str, object] = {
        "name": name,
        "answered": 1,
        "unanswered": 0,
        "empty": 0,
        "cut_off": 0,
    }
    if loss is not None:
        figures["perplexity"] = {
            "loss": interval(loss),
            "perplexity": interval(1.0),
            "tokens": 1,
            "tasks": 1,
        }
    return figures


def evaluation(*models: dict[str, object]) -> Evaluation:
    return Evaluation.model_validate({**evaluation_json(), "models": models})


def test_without_two_models_there_are_no_scores() -> None:
    assert scores_of(None) == ()
    assert scores_of(evaluation(model("a", 1.0))) == ()


def test_what_was_not_measured_is_left_out() -> None:
    (score,) = scores_of(evaluation(model("base", None), model("tuned", 0.5)))
    assert score == ("loss", None, 0.5)
    assert scores_of(evaluation(model("base", 1.0), model("tuned", None))) == []


def test_the_base_model_comes_first() -> None:
    (score,) = scores_of(evaluation(model("base", 2.0), model("tuned", 0.5)))
    assert (score.name, score.base, score.tuned) == ("loss", 2.0, 0.5)
