"""Sentences about an evaluation, word by word, with each threshold on both of its sides."""

from decimal import Decimal
from typing import Any

import pytest

from app.evaluation.evaluation_result import (
    BootstrapOptions,
    Evaluation,
    Forgetting,
    TrainingFacts,
    Truncation,
)
from app.evaluation.metrics import (
    Agreement,
    Comparison,
    Estimate,
    ExactShare,
    JudgeCost,
    JudgeFigures,
    ModelFigures,
    ModelLevels,
    Perplexity,
    ReviewerFigures,
    ReviewFigures,
    RougeFigures,
    RougeScores,
    TokenizerName,
    chief_rouge,
)
from app.evaluation.summary import (
    chance,
    figure_with_interval,
    sentences,
    share_with_interval,
    signed,
)

HALF = Estimate(value=0.5, low=0.25, high=0.75)
SURE = Estimate(value=0.2, low=0.1, high=0.3)
ONE_ENDED = (Estimate(value=0.5, low=0.25), Estimate(value=0.5, high=0.75))


def rouge(tokenizer: TokenizerName, f: float) -> RougeFigures:
    other = RougeScores(precision=SURE, recall=SURE, f=SURE)
    longest = RougeScores(precision=SURE, recall=SURE, f=Estimate(value=f))
    return RougeFigures(
        tokenizer=tokenizer, tasks=9, unseen_references=0, rouge1=other, rouge2=other,
        rouge_l=longest,
    )  # fmt: skip


def exact(right: int) -> ExactShare:
    return ExactShare(tasks=10, right=right, share=Estimate(value=right / 10))


def model(name: str, **figures: Any) -> ModelFigures:
    return ModelFigures(
        **{"name": name, "answered": 10, "unanswered": 0, "empty": 0, "cut_off": 0, **figures}
    )


def comparison(metric: str = "exact match", **figures: Any) -> Comparison:
    known = {"better": 20, "worse": 3, "equal": 4, "p_value": 0.01, "difference": SURE}
    return Comparison(**{"metric": metric, **known, **figures})


def loss(value: float, **figures: Any) -> Perplexity:
    return Perplexity(
        tasks=9, tokens=90, loss=Estimate(value=value), perplexity=Estimate(value=2 * value),
        **figures,
    )  # fmt: skip


def of(*models: ModelFigures, **parts: Any) -> Evaluation:
    return Evaluation(
        title="t", tasks=10, classification_tasks=0, drawing=BootstrapOptions(),
        models=list(models) or [model("base")], **parts,
    )  # fmt: skip


def judged(**figures: Any) -> list[str]:
    known = {
        "judge": "j", "pairs": 12, "wins": 6, "ties": 3, "losses": 2, "failed": 0, "identical": 0,
        "score": HALF, "said_first": 1, "said_second": 2, "said_tie": 3, "orders_differ": 4,
    }  # fmt: skip
    return sentences(of(judge=JudgeFigures(**{**known, **figures})))


def test_an_interval_is_written_only_when_both_of_its_ends_are_known() -> None:
    assert share_with_interval(HALF) == "50.0 % (25.0 to 75.0)"
    assert figure_with_interval(HALF) == "0.500 (0.250 to 0.750)"
    assert figure_with_interval(HALF, 1) == "0.5 (0.2 to 0.8)"
    assert signed(HALF) == "+0.500 (+0.250 to +0.750)"
    for each in ONE_ENDED:
        assert share_with_interval(each) == "50.0 %"
        assert figure_with_interval(each) == "0.500"
        assert signed(each) == "+0.500"


def test_the_rouge_shown_first_is_that_of_every_script_if_there_is_one() -> None:
    both = [rouge("rouge", 0.1), rouge("unicode", 0.2)]
    assert chief_rouge(model("m", rouge=both)) == both[1]
    assert chief_rouge(model("m", rouge=both[:1])) == both[0]
    assert chief_rouge(model("m")) is None


TOO_FEW = "too few tasks differ to tell it from chance"
PERHAPS = "that may be chance"
GAIN = "the gain is more than chance explains"
LOSS = "the loss is more than chance explains"


@pytest.mark.parametrize(
    ("figures", "level", "said"),
    [
        ({"better": 0, "worse": 0}, 0.95, "no task differs"),
        ({"better": 5, "worse": 0}, 0.95, TOO_FEW),
        ({"better": 3, "worse": 2}, 0.95, TOO_FEW),
        ({"better": 6, "worse": 0}, 0.95, GAIN),
        ({"better": 3, "worse": 3}, 0.95, GAIN),
        ({"better": 2, "worse": 0}, 0.5, GAIN),
        ({"better": 1, "worse": 0}, 0.5, TOO_FEW),
        ({"p_value": 0.5}, 0.5, GAIN),
        ({"p_value": 0.51}, 0.5, PERHAPS),
        ({"p_value": 0.06}, 0.95, PERHAPS),
        ({"p_value": 0.06, "p_corrected": 0.01}, 0.95, GAIN),
        ({"p_value": 0.01, "p_corrected": 0.06}, 0.95, PERHAPS),
        ({"difference": Estimate(value=0.2, low=0.0, high=0.3)}, 0.95, PERHAPS),
        ({"difference": Estimate(value=-0.2, low=-0.3, high=0.0)}, 0.95, PERHAPS),
        ({"difference": Estimate(value=-0.2, low=-0.3, high=-0.1)}, 0.95, LOSS),
        ({"difference": Estimate(value=0.2, low=0.0)}, 0.95, GAIN),
        ({"difference": Estimate(value=-0.2, high=0.0)}, 0.95, LOSS),
        ({"difference": Estimate(value=0.0)}, 0.95, LOSS),
    ],
    ids=str,
)
def test_a_difference_is_more_than_chance_only_by_each_of_its_signs(
    figures: dict[str, Any], level: float, said: str
) -> None:
    assert chance(comparison(**figures), level) == said


def test_exact_answers_of_one_model_are_a_share() -> None:
    assert sentences(of(model("m", exact=exact(3)))) == [
        "m answers 30.0 % of 10 held-out tasks exactly as the reference."
    ]


def two(before: int, after: int, **parts: Any) -> list[str]:
    return sentences(of(model("b", exact=exact(before)), model("t", exact=exact(after)), **parts))


def test_exact_answers_of_two_models_rise_fall_or_stay() -> None:
    begins, ends = "Answers that are exactly the reference", "of 10 held-out tasks."
    assert two(3, 5) == [f"{begins} rise from 30.0 % to 50.0 % {ends}"]
    assert two(5, 3) == [f"{begins} fall from 50.0 % to 30.0 % {ends}"]
    assert two(3, 3) == [f"{begins} stay at 30.0 % {ends}"]
    assert sentences(of(model("b", exact=exact(3)), model("t"))) == []
    assert sentences(of(model("b"), model("t", exact=exact(3)))) == []


@pytest.mark.parametrize(
    ("difference", "points"),
    [(SURE, "+20.0 points (+10.0 to +30.0)"), *((each, "+50.0 points") for each in ONE_ENDED)],
    ids=str,
)
def test_the_difference_of_exact_answers_is_in_points(difference: Estimate, points: str) -> None:
    found = comparison(difference=difference)
    (said,) = two(3, 5, comparisons=[found])
    assert said.endswith(
        f" of 10 held-out tasks: {points}; 20 became right, 3 became wrong; {GAIN}."
    )


def test_rouge_comes_first_when_no_answer_is_exact() -> None:
    compared = [comparison(), comparison("ROUGE-L F (unicode)")]

    def first(right: int) -> str:
        base = model("b", exact=exact(0), rouge=[rouge("unicode", 0.1)])
        tuned = model("t", exact=exact(right), rouge=[rouge("unicode", 0.25)])
        return sentences(of(base, tuned, comparisons=compared))[0]

    assert first(0) == (
        "ROUGE-L F goes from 0.100 to 0.250: +0.200 (+0.100 to +0.300); "
        f"20 tasks are better, 3 worse, 4 the same; {GAIN}."
    )
    assert first(1).startswith("Answers that are exactly")


def test_rouge_is_said_of_two_models_that_both_have_it() -> None:
    compared = [comparison("ROUGE-L F (rouge)")]
    scored = rouge("rouge", 0.1)
    one = sentences(of(model("b", rouge=[scored]), model("t"), comparisons=compared))
    other = sentences(
        of(model("b", rouge=[scored]), model("t", rouge=[scored]), comparisons=compared)
    )
    assert one == []
    assert other[0].startswith("ROUGE-L F goes from 0.100 to 0.100:")


MAY_BE = ", which may be chance"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, ""),
        (SURE, ": +0.200 (+0.100 to +0.300)"),
        (Estimate(value=-0.2, low=-0.3, high=-0.1), ": -0.200 (-0.300 to -0.100)"),
        (Estimate(value=0.1, low=0.0, high=0.2), f": +0.100 (+0.000 to +0.200){MAY_BE}"),
        (Estimate(value=-0.1, low=-0.2, high=0.0), f": -0.100 (-0.200 to +0.000){MAY_BE}"),
        (ONE_ENDED[0], ": +0.500"),
        (ONE_ENDED[1], ": +0.500"),
    ],
    ids=str,
)
def test_the_loss_is_said_with_its_change(change: Estimate | None, said: str) -> None:
    models = model("b", perplexity=loss(1.5)), model("t", perplexity=loss(1.25))
    assert sentences(of(*models, loss_change=change, loss_of="label")) == [
        (
            f"The loss on the references goes from 1.500 to 1.250 per label{said}; perplexity from "
            "3.00 to 2.50."
        )
    ]


def test_the_loss_is_said_of_two_models_that_both_have_it() -> None:
    measured = model("b", perplexity=loss(1.5))
    assert sentences(of(measured)) == []
    assert sentences(of(measured, model("t"))) == []
    assert sentences(of(model("t"), measured)) == []


def test_impossible_tokens_and_missing_answers_are_said_by_model() -> None:
    models = [
        model("b", perplexity=loss(1.5, impossible_tokens=2), unanswered=3),
        model("t", perplexity=loss(1.5, impossible_tokens=4), unanswered=5),
    ]
    said = sentences(of(*models))
    assert said[1:] == [
        "b left 3 of 10 unanswered; t left 5 of 10 unanswered: they are scored as empty answers.",
        (
            "b gives 2 tokens of the references no probability; t gives 4 tokens of the references "
            "no probability: their tasks are left out of the loss."
        ),
    ]
    assert len(sentences(of(model("b", perplexity=loss(1.5)), model("t")))) == 0


JUDGE = "The judge j, asked in both orders, gives the tuned model 6 wins, 3 ties"
POINTS = "50.0 % (25.0 to 75.0) of the points"


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({}, f"{JUDGE} and 2 losses: {POINTS}; {PERHAPS}."),
        ({"p_value": 0.06}, f"{JUDGE} and 2 losses: {POINTS}; {PERHAPS}."),
        (
            {"p_value": 0.04},
            f"{JUDGE} and 2 losses: {POINTS}; that is more than chance explains.",
        ),
        (
            {"identical": 1},
            f"{JUDGE} (1 of them identical answers, not judged) and 2 losses: {POINTS}; {PERHAPS}.",
        ),
        ({"score": None}, "The judge j gave no usable judgement."),
        (
            {"score": None, "failed": 1, "unasked": 2},
            (
                "The judge j gave no usable judgement. 1 of 12 pairs could not be judged, and "
                "2 of 12 pairs were not judged."
            ),
        ),
        (
            {"score": None, "unasked": 2, "trouble": "No money."},
            (
                "The judge j gave no usable judgement. 2 of 12 pairs were not judged. "
                "Judging ended early: No money."
            ),
        ),
        (
            {"score": None, "cost": JudgeCost(calls=0, prompt_tokens=5, completion_tokens=6)},
            "The judge j gave no usable judgement.",
        ),
        (
            {
                "score": None,
                "cost": JudgeCost(
                    calls=1,
                    prompt_tokens=5,
                    completion_tokens=6,
                    estimated_calls=1,
                    unknown_usd=Decimal(0),
                ),
            },
            (
                "The judge j gave no usable judgement. "
                "Judging took 1 calls and 11 tokens (1 calls estimated)."
            ),
        ),
    ],
    ids=str,
)
def test_the_judge_s_verdicts_are_said(figures: dict[str, Any], said: str) -> None:
    assert judged(**figures) == [said]


def test_a_p_value_at_the_border_is_more_than_chance() -> None:
    judge = JudgeFigures(
        judge="j", pairs=1, wins=1, ties=0, losses=0, failed=0, identical=0, score=HALF,
        said_first=1, said_second=1, said_tie=0, orders_differ=0, p_value=0.5,
    )  # fmt: skip
    whole = of(judge=judge).model_copy(update={"drawing": BootstrapOptions(level=0.5)})
    assert sentences(whole)[0].endswith("that is more than chance explains.")


def reviewed(kappas: list[float | None]) -> list[str]:
    levels = [
        ModelLevels(model=name, counts={}, satisfying=HALF, acceptable=SURE) for name in ("b", "t")
    ]
    people = [
        ReviewerFigures(reviewer="Ann", rated=1, unrated=0, models=levels[:1]),
        ReviewerFigures(
            reviewer="Ben", rated=2, unrated=0, models=levels, preference=comparison("level")
        ),
    ]
    agreed = [
        Agreement(
            one="Ann", other=f"B{place}", rated="answers", both_rated=9, same=7, kappa=kappa,
            weighted_kappa=None,
        )
        for place, kappa in enumerate(kappas)
    ]  # fmt: skip
    return sentences(of(review=ReviewFigures(reviewers=people, agreements=agreed)))


def test_ratings_by_people_are_said_by_reviewer() -> None:
    assert reviewed([]) == [
        "Ann finds 50.0 % (25.0 to 75.0) of b's answers valid and satisfying.",
        (
            "Ben finds 50.0 % (25.0 to 75.0) of b's answers valid and satisfying, "
            "50.0 % (25.0 to 75.0) of t's answers valid and satisfying, and of two answers "
            f"to a task prefers the tuned model's 20 to 3, with 4 alike; {GAIN}."
        ),
    ]


def test_up_to_three_agreements_are_said_and_more_by_their_range() -> None:
    assert reviewed([0.5, None, 0.25, 1.0])[2:] == [
        f"Ann and {other} agree on 7 of 9 answers, with a kappa of {kappa}."
        for other, kappa in (("B0", "0.50"), ("B2", "0.25"), ("B3", "1.00"))
    ]
    assert reviewed([0.5, 0.25, 1.0, 0.75])[2:] == [
        "The kappa of 4 pairs of raters is between 0.25 and 1.00."
    ]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("forgot", "it has forgotten"),
        ("kept", "no forgetting was measured"),
        ("gained", "it has forgotten nothing and improved"),
        ("unknown", "there are too few rows to measure forgetting"),
    ],
)
def test_forgetting_is_said_by_its_verdict(verdict: Any, said: str) -> None:
    found = Forgetting(tasks=8, loss_change=SURE, verdict=verdict)
    assert sentences(of(forgetting=found)) == [
        f"On 8 general rows the loss per token changed by +0.200 (+0.100 to +0.300): {said}."
    ]
    assert sentences(of(forgetting=Forgetting(tasks=8, verdict=verdict))) == []


CUT = "In training {} of 50 rows were truncated at 64 tokens."
LEFT_OUT = " {} more had no answer left and were not trained on."


@pytest.mark.parametrize(
    ("truncated", "left_out", "said"),
    [
        (0, 0, []),
        (1, 0, [CUT.format(1)]),
        (0, 1, [CUT.format(0) + LEFT_OUT.format(1)]),
        (1, 1, [CUT.format(1) + LEFT_OUT.format(1)]),
    ],
)
def test_truncated_rows_are_said(truncated: int, left_out: int, said: list[str]) -> None:
    cut = Truncation(
        max_tokens=64, rows=50, truncated=truncated, left_out=left_out, tokens=9, tokens_cut=1
    )
    facts = TrainingFacts(
        method="lora", base_model="b", dataset="d", steps=1, trainable_parameters=1,
        all_parameters=4, truncation=cut,
    )  # fmt: skip
    assert sentences(of(training=facts)) == said
    assert facts.trainable_share == 0.25
    assert facts.model_copy(update={"all_parameters": 0}).trainable_share == 0.0


def test_the_correction_is_explained_when_there_are_two_comparisons() -> None:
    compared = [comparison("a"), comparison("b")]
    assert sentences(of(comparisons=compared[:1])) == []
    assert sentences(of(comparisons=compared)) == [
        (
            "A difference counts as more than chance explains only after Holm's correction for "
            "all 2 comparisons."
        )
    ]
