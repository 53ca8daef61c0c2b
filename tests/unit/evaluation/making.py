"""Evaluations to test and to look at: made-up tasks, answers and training facts."""

import math
import random
from dataclasses import replace

from app.dataset_row import DatasetRow, Record
from app.evaluation.agreement import review_figures
from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.evaluate import OtherFindings, ScoringOptions, evaluate
from app.evaluation.evaluation_result import (
    BootstrapOptions,
    Evaluation,
    InferenceCost,
    LayerEffect,
    LayerRank,
    ProgressPoint,
    TrainingFacts,
    Truncation,
)
from app.evaluation.forgetting import forgetting
from app.evaluation.intervals import Bootstrap
from app.evaluation.judge import ORDERS, Judgement, Pair, judge_figures
from app.evaluation.metrics import Estimate
from app.evaluation.review_sheet import LEVELS, Rating, Review

QUICK = BootstrapOptions(resamples=200)


def template_tasks(count: int = 112) -> list[HeldOutTask]:
    """Rows like the four kinds of the issue: add, rewrite, spell, decide."""
    draw = random.Random(3)
    rows = []
    for place in range(count):
        a, b = draw.randint(10, 99), draw.randint(10, 99)
        record = (
            Record("Add the two numbers.", str(a + b), f"{a} and {b}"),
            Record("Rewrite in upper case.", f"THE SUM OF {a}", f"the sum of {a}"),
            Record("Spell the number, digit by digit.", " ".join(str(a * b)), str(a * b)),
            Record("Is the number even or odd?", "even" if a % 2 == 0 else "odd", str(a)),
        )[place % 4]
        rows.append(DatasetRow(place, replace(record, is_classification=place % 4 == 3), "test"))
    return [HeldOutTask.of(row) for row in rows]


def answering(
    name: str, tasks: list[HeldOutTask], right: int, loss: float = 1.0, seed: int = 0
) -> Contender:
    """A model that answers this many tasks correctly, with about this loss for each token."""
    draw = random.Random(seed)
    chosen = set(draw.sample(range(len(tasks)), right))
    answers = []
    for place, task in enumerate(tasks):
        wrong = "even and odd" if task.is_classification else f"I think {place} is the answer."
        tokens = [-max(0.0, draw.gauss(loss, loss / 4)) for _ in task.reference.split()]
        text = task.reference if place in chosen else wrong
        answers.append(Answer(task.id, text, log_probabilities=tuple(tokens)))
    return Contender(name, tuple(answers))


def training() -> TrainingFacts:
    points = [
        ProgressPoint(
            step=step,
            loss=1.1 * math.exp(-step / 8) + 0.1,
            learning_rate=2e-4 * (1 - step / 60),
            held_out_loss=1.1 * math.exp(-step / 9) + 0.14 if step % 10 == 0 else None,
        )
        for step in range(1, 61)
    ]
    ranks = [
        LayerRank(layer=layer, module=module, rank=max(0, (layer + shift) % 9 + shift))
        for layer in range(30)
        for module, shift in (("q_proj", 1), ("v_proj", 3))
    ]
    return TrainingFacts(
        method="adalora",
        base_model="SmolLM2-135M-Instruct",
        dataset="template tasks, version 1",
        device="CPU, 2 cores",
        steps=60,
        duration_s=151.0,
        trainable_parameters=460_800,
        all_parameters=134_976_000,
        points=points,
        ranks=ranks,
        initial_rank=12,
        truncation=Truncation(
            max_tokens=256, rows=64, truncated=3, left_out=1, tokens=9_120, tokens_cut=310
        ),
        inference_cost="none once merged",
    )


def layers() -> list[LayerEffect]:
    """Six layers: the fourth gained most, the second forgot most, the last did harm."""
    gained = (0.01, 0.04, 0.09, 0.31, 0.12, -0.03)
    forgotten = (0.002, 0.06, 0.01, -0.02, 0.0, 0.03)
    return [
        LayerEffect(layer=str(number), gained=_around(one), forgotten=_around(other))
        for number, (one, other) in enumerate(zip(gained, forgotten, strict=True))
    ]


def _around(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.02, high=value + 0.02)


def judged(tasks: list[HeldOutTask], base: Contender, tuned: Contender) -> OtherFindings:
    pairs = [
        Pair(task.id, task.record, one, other)
        for task, one, other in zip(tasks, base.texts(tasks), tuned.texts(tasks), strict=True)
    ]
    said = [
        Judgement(pair.task_id, order, None if place % 17 == 0 else
                  ("second" if (order == "base_first") == (place % 5 > 0) else "first"))
        for place, pair in enumerate(pairs)
        for order in ORDERS
    ]  # fmt: skip
    return OtherFindings(judge=judge_figures("judge-model", pairs, said, 0.95))


def reviews(tasks: list[HeldOutTask]) -> list[Review]:
    draw = random.Random(9)
    ratings = [
        Rating(task_id=task.id, model=model, level=LEVELS[min(3, int(draw.expovariate(rate)))])
        for task in tasks[:30]
        for model, rate in (("SmolLM2-135M-Instruct", 0.5), ("adapter_01a2", 1.6))
    ]
    changed = [
        each.model_copy(update={"level": "B"}) if place % 6 == 0 else each
        for place, each in enumerate(ratings)
    ]
    return [
        Review(reviewer="Ann", ratings=ratings, unrated=0),
        Review(reviewer="Ben", ratings=changed[:-2], unrated=2),
    ]


def full() -> Evaluation:
    """An evaluation with everything in it."""
    tasks = [
        replace(task, source="labels, version 1" if task.is_classification else "texts, version 3")
        for task in template_tasks()
    ]
    base = answering("SmolLM2-135M-Instruct", tasks, 5, loss=1.1)
    tuned = answering("adapter_01a2", tasks, 101, loss=0.12, seed=1)
    general = template_tasks(40)
    old, new = (answering(n, general, 20, loss=v) for n, v in (("base", 2.0), ("tuned", 2.1)))
    judge = judged(tasks, base, tuned).judge
    beside = OtherFindings(
        judge=judge,
        review=review_figures(reviews(tasks), [base.name, tuned.name], judge),
        forgetting=forgetting(general, old, new, Bootstrap(resamples=200)),
        layers=layers(),
        training=training(),
        inference=InferenceCost(
            base_multiply_adds=134_000_000,
            extra_multiply_adds=460_800,
            mergeable=True,
            base_token_ms=20.0,
            tuned_token_ms=25.0,
        ),
    )
    asked = ScoringOptions("Template tasks, tuned", made_at="2026-11-25T05:00:00Z", drawing=QUICK)
    return evaluate(tasks, base, tuned, asked, beside)


def alone() -> Evaluation:
    """A single model of which little is known."""
    tasks = template_tasks(8)[:3]
    return evaluate(
        tasks,
        Contender("only", (Answer("0", "no"),)),
        None,
        ScoringOptions("One", "", ("rouge",), QUICK),
    )
