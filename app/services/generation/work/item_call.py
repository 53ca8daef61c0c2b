"""The call of a work item: its request, and how the call ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.dataset_row import Record
from app.errors import ItemError, Outage, ProviderError
from app.llm import prices
from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Completion, Request, Stage
from app.services.model_calls.in_flight import Ended
from app.services.model_calls.streaks import is_refusal
from app.settings import Price
from app.store.work import completions
from app.store.work.completions import Kept, Reply
from app.store.work.instructions import Accepted
from app.store.work.work_items import Item


@dataclass(frozen=True, slots=True)
class ItemCall:
    """A work item with the request that was made of it."""

    item: Item
    request: Request
    about: Accepted | None = None
    """The instruction that a later stage's item is about."""
    row: Record | None = None
    """The row of a data set that an item of a review is about."""
    reserved: Amount = NOTHING
    """The most that the call can take."""
    call: str = ""
    """The call's own name."""
    endpoint: str = ""
    """Where it is sent."""

    @property
    def key(self) -> int:
        """The item's id, which identifies the call among those in flight."""
        return self.item.id

    @property
    def attempts(self) -> int:
        """Failures of the item so far."""
        return self.item.attempts

    @property
    def demonstrations(self) -> Sequence[dict[str, Any]]:
        """The demonstrations in the prompt, by place; empty in the later stages."""
        shown: Sequence[dict[str, Any]] = self.item.subject.get("demonstrations", ())
        return shown


class Again:
    """No answer, and not the item's fault: it is asked again, and no attempt is used up."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer: it counts as an attempt of the item."""

    words: str
    is_refusal: bool = False
    """The endpoint refused to answer, and not because of this text: it may refuse others, too."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A call that has ended: with a reply, or with the reason why there is none."""

    asked: ItemCall
    reply: Reply | Kept | Failed | Again
    presumed: Amount = NOTHING
    """The most that the provider can bill for a call without a usable reply."""


def read_ended(ended: Ended[ItemCall], model: str, known_prices: Mapping[str, Price]) -> Answered:
    """Read how a call ended as what it means for its item."""
    match ended.answer:
        case ItemError() | Outage() as trouble:
            why = failed(ended.call.item.stage, trouble) if ended.is_to_blame else Again()
            return Answered(ended.call, why, presumed(ended.call, trouble, model, known_prices))
        case ProviderError():
            return Answered(ended.call, Again())
        case completion:
            latency_s = ended.latency_s
            reply = paid_reply(ended.call, completion, model, known_prices, latency_s=latency_s)
            return Answered(ended.call, reply)


def presumed(
    asked: ItemCall,
    trouble: ProviderError,
    model: str,
    known_prices: Mapping[str, Price],
    *,
    by_batch: bool = False,
) -> Amount:
    """Return the most that a failed call can have taken: by its usage, where it reports one."""
    if not trouble.may_be_paid:
        return NOTHING
    if trouble.usage is None:
        return asked.reserved
    answer = Completion("", "", model, *trouble.usage)
    usd = prices.cost_usd(answer, model, known_prices, by_batch=by_batch) or NOTHING.usd
    return Amount(1, sum(trouble.usage), usd)


def failed(stage: Stage, trouble: ItemError | Outage) -> Failed:
    """Return what the failure of a call means for its item.

    A prompt of a review holds a row of any length, so there a prompt that is too long is about the
    row. Elsewhere all prompts of a stage are about equally long.
    """
    prompts_vary = stage is Stage.REVIEW
    return Failed(str(trouble), is_refusal(trouble, prompts_vary=prompts_vary))


def paid_reply(
    asked: ItemCall,
    completion: Completion,
    model: str,
    known_prices: Mapping[str, Price],
    *,
    latency_s: float = 0.0,
    batch_id: str | None = None,
) -> Reply:
    """Return what is stored of a reply that was paid for.

    Args:
        asked: the call.
        completion: its reply.
        model: the run's model.
        known_prices: prices by model.
        latency_s: how long the call took.
        batch_id: the batch that the reply came with; None: it was a call of its own.
    """
    by_batch = batch_id is not None
    return Reply(
        work_item_id=asked.item.id,
        stage=asked.item.stage,
        request=asked.request,
        completion=completion,
        latency_s=latency_s,
        cost_usd=prices.cost_usd(completion, model, known_prices, by_batch=by_batch),
        demonstrations=asked.demonstrations,
        call=asked.call,
        endpoint=asked.endpoint,
        requested_model=model,
        request_sha256=reuse_key(asked.request, model),
        batch_id=batch_id,
    )


def reuse_key(request: Request, model: str) -> str | None:
    """Return the hash of all that a reply at temperature 0 depends on; None above temperature 0."""
    if request.parameters.temperature > 0:
        return None
    return completions.request_sha256(request, model)
