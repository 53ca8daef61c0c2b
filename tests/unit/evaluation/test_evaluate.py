"""An evaluation whole: true to its parts, the same twice, and careful in its words."""

from dataclasses import replace
from decimal import Decimal

import pytest
from rouge_score import rouge_scorer

from app.dataset_row import Record
from app.errors import InvalidInput
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.evaluate import OtherFindings, ScoringOptions, evaluate, with_findings
from app.evaluation.evaluation_result import BootstrapOptions, Evaluation
from app.evaluation.metrics import Comparison, JudgeCost
from app.evaluation.summary import signed
from app.reports.evaluation.report import evaluation_report
from tests.unit.evaluation.making import QUICK, alone, answering, full, template_tasks, training

ASKED = ScoringOptions("t", drawing=QUICK)


def comparison(of: Evaluation, metric: str) -> Comparison:
    return next(each for each in of.comparisons if each.metric == metric)


def test_it_says_by_itself_that_the_prototype_learned() -> None:
    tasks = template_tasks()
    base, tuned = answering("base", tasks, 5), answering("tuned", tasks, 101, loss=0.12, seed=1)
    found = evaluate(tasks, base, tuned, ASKED)
    assert [model.exact.right for model in found.models if model.exact] == [5, 101]
    assert found.words[0].startswith(
        "Answers that are exactly the reference rise from 4.5 % (1.9 to 10.0) to 90.2 % (83.3 to"
    )
    assert "more than chance explains" in found.words[0]
    assert found.loss_change is not None
    assert found.loss_change.high is not None
    assert found.loss_change.high < 0


def test_mean_rouge_is_the_mean_of_rouge_scores_own() -> None:
    found = full()
    tasks = template_tasks()
    texts = answering("x", tasks, 5, loss=1.1).texts(tasks)
    own = rouge_scorer.RougeScorer(["rouge1", "rougeL"])
    scores = [own.score(task.reference, text) for task, text in zip(tasks, texts, strict=True)]
    figures = next(each for each in found.models[0].rouge if each.tokenizer == "rouge")
    for kind, name in ((figures.rouge1, "rouge1"), (figures.rouge_l, "rougeL")):
        for field, theirs in (("f", "fmeasure"), ("precision", "precision"), ("recall", "recall")):
            wanted = sum(getattr(score[name], theirs) for score in scores) / len(scores)
            assert getattr(kind, field).value == pytest.approx(wanted, rel=1e-12)


def test_equal_models_differ_in_nothing() -> None:
    tasks = template_tasks(20)
    found = evaluate(tasks, answering("a", tasks, 9), answering("b", tasks, 9), ASKED)
    assert all(each.difference.value == 0 for each in found.comparisons)
    assert (found.better, found.worse) == ([], [])
    assert "0 became right, 0 became wrong; no task differs" in found.words[0]


def test_two_of_two_tasks_won_are_too_few_to_speak_of() -> None:
    tasks = template_tasks(2)
    found = evaluate(tasks, answering("a", tasks, 0), answering("b", tasks, 2), ASKED)
    assert "+100.0 points (-31.5 to +100.0)" in found.words[0]
    assert found.words[0].endswith("too few tasks differ to tell it from chance.")
    assert not any("more than chance explains." in said for said in found.words)


def test_what_only_one_of_many_comparisons_shows_may_be_chance() -> None:
    tasks = template_tasks(40)
    base = answering("a", tasks, 0)
    # Six more right of six that differ: p = 0.031 by itself.
    found = evaluate(tasks, base, answering("b", tasks, 6), ASKED)
    exact = comparison(found, "exact match")
    assert exact.p_value == 0.03125
    assert exact.p_corrected is not None
    assert exact.p_corrected > 0.05
    assert "6 became right, 0 became wrong; that may be chance" in found.words[0]
    assert "Holm" in found.words[-1]


def test_what_only_an_empty_answer_changes_is_reported_first_by_nearness() -> None:
    tasks = [HeldOutTask(str(i), Record("Write.", f"поезд {i} ушёл")) for i in range(12)]
    base = Contender("b", tuple(Answer(task.id, "нет") for task in tasks))
    tuned = Contender("t", tuple(Answer(task.id, "поезд ушёл") for task in tasks))
    found = evaluate(tasks, base, tuned, ASKED)
    # rouge_score's own tokenizer sees nothing in any of it.
    assert found.words[0].startswith("ROUGE-L F goes from 0.000 to 0.8")
    assert "12 tasks are better, 0 worse" in found.words[0]
    assert found.words[1].startswith("Answers that are exactly the reference stay at 0.0 %")


def test_a_loss_is_reported_with_its_change_and_what_is_missing_from_it() -> None:
    tasks = template_tasks(40)
    base, tuned = answering("a", tasks, 9, 1.1), answering("b", tasks, 9, 0.5, seed=2)
    gone = replace(tuned.answers[0], log_probabilities=(float("nan"),))
    tuned = replace(tuned, answers=(gone, *tuned.answers[1:]))
    found = evaluate(tasks, base, tuned, ASKED)
    (said,) = [each for each in found.words if each.startswith("The loss on")]
    assert found.loss_change is not None
    assert f" per token: {signed(found.loss_change)}; perplexity" in said
    assert any("b gives 1 tokens of the references no probability" in each for each in found.words)


def test_a_worse_model_is_called_worse() -> None:
    tasks = template_tasks(40)
    found = evaluate(tasks, answering("a", tasks, 38), answering("b", tasks, 2), ASKED)
    assert "fall from" in found.words[0]
    assert "the loss is more than chance explains" in found.words[0]
    assert len(found.worse) == 5


def test_the_same_arguments_give_the_same_evaluation_and_json_keeps_it() -> None:
    one = full()
    assert one == full()
    assert Evaluation.model_validate_json(one.model_dump_json()) == one


def test_classification_is_compared_apart_where_there_are_other_tasks() -> None:
    found = full()
    apart, whole = (
        comparison(found, name) for name in ("exact match, classification", "exact match")
    )
    assert (apart.better + apart.worse + apart.equal) == 28
    assert (whole.better + whole.worse + whole.equal) == 112
    assert found.models[0].exact_match is not None
    assert found.models[0].exact_match.tasks == 28


def test_examples_are_those_that_changed_most() -> None:
    tasks = [HeldOutTask(str(i), Record(f"Do {i}", "one two three four")) for i in range(4)]
    base = Contender("b", tuple(
        Answer(str(i), text)
        for i, text in enumerate(["one two three four", "none", "one two", "none"])
    ))  # fmt: skip
    tuned = Contender("t", tuple(
        Answer(str(i), text)
        for i, text in enumerate(["none", "one two three four", "one two three", "none"])
    ))  # fmt: skip
    found = evaluate(tasks, base, tuned, ASKED)
    assert [each.task_id for each in found.better] == ["1", "2"]
    assert [each.task_id for each in found.worse] == ["0"]
    assert (found.worse[0].base_score, found.worse[0].tuned_score) == (1, 0)


def test_of_equal_changes_examples_are_of_several_kinds() -> None:
    kinds = ["Decide."] * 8 + ["Spell it.", "Decide.", "Add."]
    tasks = [HeldOutTask(str(i), Record(kind, "done")) for i, kind in enumerate(kinds)]
    base = Contender("b", tuple(Answer(task.id, "no") for task in tasks))
    tuned = Contender("t", tuple(Answer(task.id, "done") for task in tasks))
    found = evaluate(tasks, base, tuned, ASKED)
    assert [each.task_id for each in found.better] == ["0", "8", "10", "1", "2"]


def test_an_unanswered_task_counts_as_empty_and_is_reported() -> None:
    found = alone()
    assert (found.models[0].answered, found.models[0].unanswered) == (1, 2)
    assert found.models[0].rouge[0].rouge1.f.value == 0
    assert any("left 2 of 3 unanswered" in words for words in found.words)
    assert found.comparisons == []


def test_what_was_not_measured_is_not_reported() -> None:
    found = alone()
    assert found.models[0].perplexity is None
    assert found.judge is None
    assert len(found.words) == 2


def test_a_review_that_comes_later_changes_nothing_but_what_it_adds() -> None:
    found = alone()
    later = with_findings(found, OtherFindings(training=training()))
    assert later.training == training()
    assert later.words[-2].startswith("In training 3 of 64 rows were truncated")
    assert later.model_copy(update={"training": None, "words": found.words}) == found


def test_no_task_is_the_users_fault_and_mixed_up_answers_are_ours() -> None:
    with pytest.raises(InvalidInput):
        evaluate([], Contender("a", ()), None, ASKED)
    tasks = template_tasks(2)
    with pytest.raises(ValueError, match="same id"):
        evaluate([tasks[0], tasks[0]], Contender("a", ()), None, ASKED)
    with pytest.raises(ValueError, match="without a task"):
        evaluate(tasks, Contender("a", (Answer("9", ""),)), None, ASKED)
    with pytest.raises(ValueError, match="two to one"):
        evaluate(tasks, Contender("a", (Answer("0", ""), Answer("0", ""))), None, ASKED)


def test_the_level_is_the_one_that_was_asked_for() -> None:
    tasks = template_tasks(40)
    models = answering("a", tasks, 10), answering("b", tasks, 30)
    narrow = evaluate(
        tasks, *models, ScoringOptions("t", drawing=BootstrapOptions(level=0.5, resamples=400))
    )
    wide = evaluate(
        tasks, *models, ScoringOptions("t", drawing=BootstrapOptions(level=0.95, resamples=400))
    )
    for metric in ("exact match", "ROUGE-L F (rouge)"):
        one, other = comparison(narrow, metric).difference, comparison(wide, metric).difference
        assert one.low is not None
        assert other.low is not None
        assert one.low > other.low


def test_what_a_loss_is_of_is_said() -> None:
    tasks = template_tasks(40)
    asked = ScoringOptions("t", drawing=QUICK, loss_of="label")
    found = evaluate(tasks, answering("a", tasks, 3), answering("b", tasks, 9), asked)
    assert any(" per label: " in line for line in found.words)
    assert "loss per label" in evaluation_report(found)
    assert "token" not in " ".join(found.words)


def test_the_cost_and_independence_of_a_judge_are_in_the_summary() -> None:
    of = full()
    assert of.judge is not None
    cost = JudgeCost(calls=12, prompt_tokens=1_000, completion_tokens=234)

    def sentence(**changes: object) -> str:
        judge = of.judge and of.judge.model_copy(update=changes)
        whole = with_findings(of, OtherFindings(judge=judge))
        (found,) = [each for each in whole.words if each.startswith("The judge ")]
        return found

    assert sentence(cost=cost).endswith(" Judging took 12 calls and 1,234 tokens.")
    paid = cost.model_copy(update={"cost_usd": Decimal("0.25"), "unknown_usd": Decimal("0.1")})
    assert sentence(cost=paid).endswith(
        "12 calls and 1,234 tokens for $0.2500, and at most $0.1000 for interrupted calls."
    )
    assert "independent" not in sentence()
    assert sentence(is_contender=True).endswith(
        " The judge is one of the two models, so its verdicts are not independent."
    )
