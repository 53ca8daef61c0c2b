"""A model as judge of a job's answers: asked in both orders, and paid once for each."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import InvalidInput
from app.evaluation.evaluating import Beside, completed
from app.evaluation.judge import Judging, Pair, is_one_of, judge_figures
from app.evaluation.result import Evaluation
from app.evaluation.values import Contender, HeldOutTask
from app.llm.prices import check_priced
from app.pipeline.budget import Caps
from app.services.context import ServiceContext
from app.services.judging.judgements import JUDGEMENTS, JudgementFile
from app.services.judging.pairs import PairsAsked
from app.services.model_calls.spending import Spending
from app.services.training.contract import TrainingWatch
from app.settings import EMBEDDED_MODEL
from app.training.plain.options import EMBEDDED, JudgeOptions

SPENDING = "judge_spending.jsonl"
"""The judge's books in a job's folder; they are no output."""
_NAMELESS = "It has no name: give options.evaluation.judge.model, or set SEEDBED_MODEL."


@dataclass(frozen=True, slots=True)
class JobJudge:
    """The judge of one job: this is a `app.services.training.contract.Judge`."""

    context: ServiceContext
    options: JudgeOptions
    seed: int
    folder: Path
    """The job's; the judgements are kept among its outputs."""
    tuned: Path | None = None
    """What the job left that tuned the model: what was judged there is not asked again."""

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
        level = evaluation.drawing.level
        model = self.options.model or self.context.default_model
        if model is None:
            nobody = judge_figures("without a name", pairs, (), level)
            return _told(
                evaluation, Beside(nobody.model_copy(update={"trouble": _NAMELESS})), watch
            )
        asked = self._asked(model, pairs, watch)
        trouble = self._no_price(model) or asked.trouble_of_asking()
        if not asked.is_whole and (trouble is None or watch.stop()):
            return None
        figures = judge_figures(model, pairs, [each.judgement for each in asked.paid], level)
        names = [EMBEDDED_MODEL if each.name == EMBEDDED else each.name for each in models]
        more: Mapping[str, object] = {
            "cost": asked.cost,
            "trouble": trouble,
            "is_contender": is_one_of(model, names),
        }
        return _told(evaluation, Beside(figures.model_copy(update=more)), watch)

    def _asked(self, model: str, pairs: Sequence[Pair], watch: TrainingWatch) -> PairsAsked:
        options = self.options
        return PairsAsked(
            context=self.context,
            model=model,
            judging=Judging(
                json_answers=options.json_answers, shows_reference=options.shows_reference
            ),
            pairs=_drawn(pairs, self.seed),
            file=JudgementFile(self.folder / "outputs" / JUDGEMENTS),
            earlier=None if self.tuned is None else JudgementFile(self.tuned / JUDGEMENTS),
            spending=Spending(self.folder / SPENDING, Caps(usd=options.most_cost_usd)),
            watch=watch,
        )

    def _no_price(self, model: str) -> str | None:
        """Why nothing may be asked under a cap; a worker's prices need not be the API's."""
        if self.options.most_cost_usd is None:
            return None
        try:
            check_priced(model, self.context.prices, "SEEDBED_PRICES")
        except InvalidInput as error:
            return " ".join([str(error), *map(str, error.faults)])
        return None


def _told(evaluation: Evaluation, beside: Beside, watch: TrainingWatch) -> Evaluation:
    whole = completed(evaluation, beside)
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


def _drawn(pairs: Sequence[Pair], seed: int) -> Sequence[Pair]:
    """The order to ask in: where the money ends early, what was judged is a fair draw of all."""
    return random.Random(f"{seed}/order").sample(pairs, len(pairs))
