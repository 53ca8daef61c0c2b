"""A model as judge of a job's answers: asked in both orders, and paid once for each."""

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from pathlib import Path

from app.errors import ConfigurationError, ParameterTrouble, ProviderTrouble, SeedbedError
from app.evaluation.evaluating import Beside, completed
from app.evaluation.figures import JudgeCost, JudgeFigures
from app.evaluation.intervals import Bootstrap
from app.evaluation.judge import (
    ORDERS,
    Judging,
    Order,
    Pair,
    build_request,
    judge_figures,
    read_judgement,
)
from app.evaluation.result import Evaluation
from app.evaluation.values import Contender, HeldOutTask
from app.llm.prices import cost_usd
from app.pipeline.types import Request
from app.services.asking import Answered, Asking
from app.services.judgements import JUDGEMENTS, JudgementFile, PaidJudgement
from app.services.trainer import TrainingWatch
from app.services.workshop import Workshop
from app.training.options import JudgeOptions

_TOLD_TIMES = 10
"""How often the log says how far it is."""


@dataclass(frozen=True, slots=True)
class JobJudge:
    """The judge of one job: this is a `app.services.trainer.Judge`."""

    workshop: Workshop
    options: JudgeOptions
    seed: int
    folder: Path
    """Where its judgements are kept."""

    def __call__(
        self,
        evaluation: Evaluation,
        tasks: Sequence[HeldOutTask],
        models: Sequence[Contender],
        watch: TrainingWatch,
    ) -> Evaluation | None:
        """Ask about the pairs that it was not asked about before; None: it was to stop."""
        if len(models) != 2:
            watch.log("Nobody judges: there is one model alone.")
            return evaluation
        pairs = pairs_of(tasks, models, self.options.most_pairs, self.seed)
        model = self.options.model or self.workshop.default_model
        if model is None:
            return _told(
                evaluation, _figures(evaluation, "without a name", pairs, (), _NAMELESS), watch
            )
        judged = _Judged(self, model, pairs, watch)
        trouble = judged.trouble_of_asking()
        if not judged.is_whole and (trouble is None or watch.stop()):
            return None
        words = None if trouble is None else str(trouble)
        return _told(evaluation, _figures(evaluation, model, pairs, judged.paid, words), watch)


_NAMELESS = "It has no name: give options.evaluation.judge.model, or set SEEDBED_MODEL."


def _figures(
    evaluation: Evaluation,
    model: str,
    pairs: Sequence[Pair],
    paid: Sequence[PaidJudgement],
    trouble: str | None,
) -> JudgeFigures:
    drawing = evaluation.drawing
    figures = judge_figures(
        model,
        pairs,
        [each.judgement for each in paid],
        Bootstrap(drawing.level, drawing.resamples, drawing.seed),
    )
    return figures.model_copy(update={"cost": _cost(paid), "trouble": trouble})


def _told(evaluation: Evaluation, figures: JudgeFigures, watch: TrainingWatch) -> Evaluation:
    whole = completed(evaluation, Beside(judge=figures))
    for words in whole.words:
        if words.startswith("The judge"):
            watch.log(words)
    return whole


def pairs_of(
    tasks: Sequence[HeldOutTask], models: Sequence[Contender], most: int, seed: int
) -> Sequence[Pair]:
    """Put both models' answers side by side, of at most so many tasks, drawn by the seed."""
    base, tuned = (model.texts(tasks) for model in models)
    places = list(range(len(tasks)))
    if len(tasks) > most:
        places = sorted(random.Random(f"{seed}/pairs").sample(places, most))
    return [
        Pair(tasks[place].id, tasks[place].record, base[place], tuned[place]) for place in places
    ]


@dataclass(frozen=True, slots=True)
class _Question:
    """A pair in one order."""

    key: str
    pair: Pair
    order: Order


class _Judged:
    """A judge on its way through the pairs."""

    def __init__(
        self, judge: JobJudge, model: str, pairs: Sequence[Pair], watch: TrainingWatch
    ) -> None:
        self._workshop = judge.workshop
        self._model = model
        self._watch = watch
        options = judge.options
        self._judging = Judging(
            json_answers=options.json_answers, shows_reference=options.shows_reference
        )
        self._questions = [
            _Question(_key(model, self._judging, pair, order), pair, order)
            for pair, order in product(pairs, ORDERS)
            if not pair.is_identical
        ]
        self._file = JudgementFile(judge.folder / JUDGEMENTS)
        self._found = dict(self._file.read())
        alike = sum(pair.is_identical for pair in pairs)
        known = sum(question.key in self._found for question in self._questions)
        watch.log(
            f"The judge {model} is asked about {len(pairs) - alike} pairs in both orders; "
            f"{alike} more are of equal answers"
            + (f", and {known} judgements were paid for before." if known else ".")
        )

    @property
    def paid(self) -> Sequence[PaidJudgement]:
        """What was said of the questions."""
        keys = (question.key for question in self._questions)
        return [self._found[key] for key in keys if key in self._found]

    @property
    def is_whole(self) -> bool:
        """Whether something was said of each question, be it that the call failed."""
        return all(question.key in self._found for question in self._questions)

    def trouble_of_asking(self) -> SeedbedError | None:
        """Ask; say what kept it from asking all, if anything did."""
        trouble = self._ask(self._judging)
        if isinstance(trouble, ParameterTrouble) and self._judging.json_answers:
            # An endpoint without JSON schemas: it is asked for marked text.
            self._watch.log(f"The judge is asked without a JSON schema: {trouble}")
            trouble = self._ask(replace(self._judging, json_answers=False))
        return trouble

    def _ask(self, judging: Judging) -> SeedbedError | None:
        left = [each for each in self._questions if each.key not in self._found]
        if not left:
            return None
        requests = {
            place: build_request(each.pair, each.order, judging) for place, each in enumerate(left)
        }
        asking = Asking(self._workshop, self._model, self._watch.stop)
        try:
            for answered in asking.answers(requests):
                self._keep([self._read(left[one.key], requests, one) for one in answered])
        except ConfigurationError as error:
            return error
        return asking.trouble

    def _keep(self, judgements: Sequence[PaidJudgement]) -> None:
        self._file.append(judgements)
        before = len(self._found)
        self._found.update((each.key, each) for each in judgements)
        every = max(1, len(self._questions) // _TOLD_TIMES)
        if len(self._found) // every > before // every:
            self._watch.log(f"{len(self.paid)} of {len(self._questions)} judgements.")

    def _read(
        self, question: _Question, requests: Mapping[int, Request], answered: Answered
    ) -> PaidJudgement:
        answer = answered.answer
        completion = None if isinstance(answer, ProviderTrouble) else answer
        judgement = read_judgement(question.pair.task_id, question.order, completion)
        told = PaidJudgement(
            key=question.key,
            task_id=judgement.task_id,
            order=judgement.order,
            verdict=judgement.verdict,
            reason=judgement.reason,
            failure=str(answer) if isinstance(answer, ProviderTrouble) else None,
            model=self._model,
            prompt_version=requests[answered.key].prompt_version,
        )
        if completion is None:
            return told
        return told.model_copy(
            update={
                "reply": completion.text,
                "prompt_tokens": completion.prompt_tokens,
                "completion_tokens": completion.completion_tokens,
                "cost_usd": cost_usd(completion, self._model, self._workshop.prices),
            }
        )


def _key(model: str, judging: Judging, pair: Pair, order: Order) -> str:
    # Not the form of the answer: who was asked in one form need not be asked in another.
    asked = [model, judging.shows_reference, pair.task_id, order, pair.base, pair.tuned]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


def _cost(paid: Sequence[PaidJudgement]) -> JudgeCost:
    prices = [each.cost_usd for each in paid if each.cost_usd is not None]
    return JudgeCost(
        calls=len(paid),
        prompt_tokens=sum(each.prompt_tokens for each in paid),
        completion_tokens=sum(each.completion_tokens for each in paid),
        cost_usd=sum(prices, Decimal(0)) if prices else None,
    )
