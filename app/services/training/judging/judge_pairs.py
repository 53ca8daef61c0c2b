"""The questions to a judge about pairs of answers; known judgements are not asked for again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product

from app.errors import ConfigurationError, ProviderError, SeedbedError
from app.evaluation.judge import ORDERS, Judging, Order, Pair, build_request, read_judgement
from app.evaluation.metrics import JudgeCost
from app.llm.prices import cost_usd
from app.pipeline.types import Request
from app.services.context import ServiceContext
from app.services.model_calls.ask_many import Answer, Asker
from app.services.model_calls.spending import Spending
from app.services.training.contract import TrainingMonitor
from app.services.training.judging.judgements import JudgementFile, PaidJudgement

_PROGRESS_LINES = 10
"""Number of progress lines in the log."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A pair in one order."""

    key: str
    pair: Pair
    order: Order


@dataclass
class PairJudging:
    """Asks one judge about pairs of answers."""

    context: ServiceContext
    model: str
    judging: Judging
    pairs: Sequence[Pair]
    """In the order to ask about them."""
    file: JudgementFile
    earlier: JudgementFile | None
    """Judgements of the job that tuned the model; None: it is this job."""
    spending: Spending
    monitor: TrainingMonitor
    _questions: Sequence[_Question] = field(init=False)
    _found: dict[str, PaidJudgement] = field(init=False)

    def __post_init__(self) -> None:
        """Load known judgements, and log their number."""
        self._questions = [
            _Question(_key(self.model, self.judging, pair, order), pair, order)
            for pair, order in product(self.pairs, ORDERS)
            if not pair.is_identical
        ]
        if self.earlier is not None:
            self.file.reuse(self.earlier, {question.key for question in self._questions})
        self._found = dict(self.file.read())
        alike = sum(pair.is_identical for pair in self.pairs)
        known = sum(question.key in self._found for question in self._questions)
        self.monitor.log(
            f"The judge {self.model} compares {len(self.pairs) - alike} pairs in both orders; "
            f"{alike} pairs have equal answers"
            + (f", and {known} judgements are known." if known else ".")
        )

    @property
    def paid(self) -> Sequence[PaidJudgement]:
        """Return the judgements of the pairs so far."""
        keys = (question.key for question in self._questions)
        return [self._found[key] for key in keys if key in self._found]

    @property
    def is_complete(self) -> bool:
        """Return True when every question has a judgement or a failed call."""
        return all(question.key in self._found for question in self._questions)

    @property
    def cost(self) -> JudgeCost:
        """Return the cost of this job, in this attempt and before."""
        here = [each for each in self.paid if not each.is_reused]
        has_price = self.model in self.context.prices
        return JudgeCost(
            calls=len(here),
            prompt_tokens=sum(each.prompt_tokens for each in here),
            cached_tokens=sum(each.cached_tokens for each in here),
            completion_tokens=sum(each.completion_tokens for each in here),
            estimated_calls=sum(each.is_estimated for each in here),
            cost_usd=self.spending.settled.usd if has_price else None,
            unknown_usd=self.spending.open.usd if has_price else None,
            reused=len(self.paid) - len(here),
        )

    def ask_all(self) -> str | None:
        """Ask the open questions; return why some could not be asked, if any."""
        judging = self.judging
        if judging.json_answers and self._refuses_schemas:
            # An answer in the form of the prompt is read also where the schema was left out, so
            # what is learnt only now needs no second look.
            self.monitor.log("Asking the judge for marked text: the endpoint refuses JSON schemas.")
            judging = replace(judging, json_answers=False)
        failure = self._ask(judging)
        self._report_larger_bills()
        return None if failure is None else str(failure)

    @property
    def _refuses_schemas(self) -> bool:
        known = (one.dialects.of(self.model).now for one in self.context.endpoints)
        return any(dialect.drops("response_format") for dialect in known)

    def _report_larger_bills(self) -> None:
        largest_usd = self.spending.largest_beyond_usd
        if largest_usd:
            self.monitor.log(
                f"The judge's endpoint billed ${largest_usd:f} for a call, more than its request "
                "allows. Calls after it were reserved at as much and a quarter more."
            )

    def _ask(self, judging: Judging) -> SeedbedError | None:
        left = [each for each in self._questions if each.key not in self._found]
        if not left:
            return None
        requests = {
            place: build_request(each.pair, each.order, judging) for place, each in enumerate(left)
        }
        asker = Asker(self.context, self.model, self.spending, self.monitor.stop)
        try:
            for answered in asker.answers(requests):
                self._keep([self._read(left[one.key], requests, one) for one in answered])
        except ConfigurationError as error:
            return error
        return asker.trouble

    def _keep(self, judgements: Sequence[PaidJudgement]) -> None:
        self.file.append(judgements)
        before = len(self._found)
        self._found.update((each.key, each) for each in judgements)
        every = max(1, len(self._questions) // _PROGRESS_LINES)
        if len(self._found) // every > before // every:
            self.monitor.log(f"{len(self.paid)} of {len(self._questions)} judgements.")

    def _read(
        self, question: _Question, requests: Mapping[int, Request], answered: Answer
    ) -> PaidJudgement:
        answer = answered.answer
        completion = None if isinstance(answer, ProviderError) else answer
        judgement = read_judgement(question.pair.task_id, question.order, completion)
        judged = PaidJudgement(
            key=question.key,
            task_id=judgement.task_id,
            order=judgement.order,
            verdict=judgement.verdict,
            reason=judgement.reason,
            failure=str(answer) if isinstance(answer, ProviderError) else None,
            model=self.model,
            prompt_version=requests[answered.key].prompt_version,
        )
        if completion is None:
            return judged
        return judged.model_copy(
            update={
                "reply": completion.text,
                "prompt_tokens": completion.prompt_tokens,
                "cached_tokens": completion.cached_tokens,
                "completion_tokens": completion.completion_tokens,
                "is_estimated": completion.is_estimated,
                "cost_usd": cost_usd(completion, self.model, self.context.prices),
            }
        )


def _key(model: str, judging: Judging, pair: Pair, order: Order) -> str:
    # Without the answer form: a judgement in one form need not be asked for in the other.
    shown = [asdict(pair.record), judging.shows_reference]
    asked = [model, *shown, pair.task_id, order, pair.base, pair.tuned]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]
