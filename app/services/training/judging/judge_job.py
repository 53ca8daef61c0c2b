"""The judge of a job: asks a model about pairs of answers, in both orders."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidInput
from app.evaluation.answers import Contender, HeldOutTask
from app.evaluation.evaluate import OtherFindings, with_findings
from app.evaluation.evaluation_result import Evaluation
from app.evaluation.judge import Judging, Pair, is_one_of, judge_figures
from app.llm.prices import check_priced
from app.pipeline.budget import Caps
from app.services.context import ServiceContext
from app.services.model_calls.spending import Spending
from app.services.training.contract import TrainingMonitor
from app.services.training.judging.judge_pairs import PairJudging
from app.services.training.judging.judgements import JUDGEMENTS, JudgementFile
from app.settings import EMBEDDED_MODEL
from app.training.plain.option_groups import JudgeOptions
from app.training.plain.options import EMBEDDED

SPENDING = "judge_spending.jsonl"
"""Spending log in the folder of a job; not an output."""
_NO_NAME = "It has no model: give options.evaluation.judge.model, or set SEEDBED_MODEL."


@dataclass(frozen=True, slots=True)
class JobJudge:
    """The judge of one job; a `app.services.training.contract.Judge`."""

    context: ServiceContext
    options: JudgeOptions
    seed: int
    folder: Path
    """Folder of the job; judgements are written to its outputs."""
    tuned: Path | None = None
    """Outputs of the job that tuned the model; its judgements are reused."""

    def __call__(
        self,
        evaluation: Evaluation,
        tasks: Sequence[HeldOutTask],
        models: Sequence[Contender],
        monitor: TrainingMonitor,
    ) -> Evaluation | None:
        """Judge the pairs without a judgement; return None when it was asked to stop."""
        if len(models) != 2:
            monitor.log("No judge: there is only one model.")
            return evaluation
        pairs = draw_pairs(tasks, models, self.options.most_pairs, self.seed)
        level = evaluation.drawing.level
        model = self.options.model or self.context.default_model
        if model is None:
            unnamed = judge_figures("without a name", pairs, (), level)
            return _completed(
                evaluation, OtherFindings(unnamed.model_copy(update={"trouble": _NO_NAME})), monitor
            )
        judging = self._judging(model, pairs, monitor)
        trouble = self._no_price(model) or judging.ask_all()
        if not judging.is_complete and (trouble is None or monitor.stop()):
            return None
        figures = judge_figures(model, pairs, [each.judgement for each in judging.paid], level)
        names = [EMBEDDED_MODEL if each.name == EMBEDDED else each.name for each in models]
        more: Mapping[str, object] = {
            "cost": judging.cost,
            "trouble": trouble,
            "is_contender": is_one_of(model, names),
        }
        return _completed(evaluation, OtherFindings(figures.model_copy(update=more)), monitor)

    def _judging(self, model: str, pairs: Sequence[Pair], monitor: TrainingMonitor) -> PairJudging:
        options = self.options
        return PairJudging(
            context=self.context,
            model=model,
            judging=Judging(
                json_answers=options.json_answers, shows_reference=options.shows_reference
            ),
            pairs=_shuffled(pairs, self.seed),
            file=JudgementFile(self.folder / "outputs" / JUDGEMENTS),
            earlier=None if self.tuned is None else JudgementFile(self.tuned / JUDGEMENTS),
            spending=Spending(self.folder / SPENDING, Caps(usd=options.most_cost_usd)),
            monitor=monitor,
        )

    def _no_price(self, model: str) -> str | None:
        """Return why a cost cap cannot be enforced; a worker may have other prices than the API."""
        if self.options.most_cost_usd is None:
            return None
        try:
            check_priced(model, self.context.prices, "SEEDBED_PRICES")
        except InvalidInput as error:
            return " ".join([str(error), *map(str, error.faults)])
        return None


def _completed(
    evaluation: Evaluation, beside: OtherFindings, monitor: TrainingMonitor
) -> Evaluation:
    whole = with_findings(evaluation, beside)
    for words in whole.words:
        if words.startswith("The judge"):
            monitor.log(words)
    return whole


def draw_pairs(
    tasks: Sequence[HeldOutTask], models: Sequence[Contender], limit: int, seed: int
) -> Sequence[Pair]:
    """Return pairs of answers of both models, at most `limit`, drawn with the seed."""
    base, tuned = (model.texts(tasks) for model in models)
    numbers = list(range(len(tasks)))
    if len(tasks) > limit:
        numbers = sorted(random.Random(f"{seed}/pairs").sample(numbers, limit))
    return [
        Pair(tasks[number].id, tasks[number].record, base[number], tuned[number])
        for number in numbers
    ]


def _shuffled(pairs: Sequence[Pair], seed: int) -> Sequence[Pair]:
    """Shuffle the pairs, so that judged pairs are a random sample when the budget ends early."""
    return random.Random(f"{seed}/order").sample(pairs, len(pairs))
