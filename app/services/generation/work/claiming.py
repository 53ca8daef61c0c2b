"""Claiming work: what a pump may ask next, and what that may cost.

The caller holds the run's row, so what is in the air and what was spent stand still meanwhile: a
cap is never passed, however many workers there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from app.errors import ItemError, Outage, ProviderError
from app.llm import prices
from app.pipeline.budget import NO_CAPS, NOTHING, Amount, Caps
from app.pipeline.shapes import Asking
from app.pipeline.types import Completion, Request
from app.services.context import ServiceContext
from app.services.generation.work import requests
from app.services.generation.work.pool import RunMaterial
from app.services.generation.work.recording import Again, Answered
from app.services.generation.work.requests import Asked
from app.services.model_calls.in_flight import Ended
from app.settings import Price
from app.states import EndReason, Status
from app.store.runs import runs
from app.store.tables.runs import Run
from app.store.work import completions, work_items
from app.store.work.completions import Reply


@dataclass(slots=True)
class Claim:
    """What a pump got."""

    to_ask: list[Asked] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    """Items for which a reply is there already."""
    capped: bool = False
    """Whether there was more that a cap does not allow while so much is in the air."""

    def __bool__(self) -> bool:
        """Whether it got anything."""
        return bool(self.to_ask or self.answered)


class Claimer:
    """Claims for one pump; `token` marks what it leases."""

    def __init__(
        self, context: ServiceContext, material: RunMaterial, asking: Asking, model: str, token: str
    ) -> None:
        self._context = context
        self.material = material
        self._asking = asking
        self._model = model
        self._token = token
        self._calls = 0

    def claim(
        self,
        session: Session,
        run: Run,
        shares: Mapping[str, int],
        *,
        probing: bool,
        passing: Collection[int] = (),
    ) -> Claim:
        """Lease as many items as the endpoints have room for and the run's caps allow.

        Those of `passing` are passed over: what this transaction records it must not claim again.
        Repeated after a lost answer, it would take the new claim for the old one, and record the
        old answer a second time.

        What is to find out whether an endpoint is back should not be what it broke down over.

        When not even the first call is allowed and nothing is in the air, the run is paused.
        """
        places = [name for name, count in shares.items() for _ in range(count)]
        items = work_items.find_open(
            session, run.id, len(places), unfailed_first=probing, passing=passing
        )
        if not items:
            return Claim()
        asked = requests.build(session, items, self.material, self._asking)
        claim = Claim()
        claim.answered.extend(self.answered(session, asked))
        done = {answer.asked.item.id for answer in claim.answered}
        rest = [one for one in asked if one.item.id not in done]
        affordable = self.affordable(session, run, rest)
        claim.capped = len(affordable) < len(rest)
        claim.to_ask.extend(
            replace(self._named(one), endpoint=place)
            for one, place in zip(affordable, places, strict=False)
        )
        reserved = {one.item.id: one.reserved for one in claim.to_ask}
        work_items.lease(session, self._token, dict.fromkeys(done, NOTHING) | reserved)
        return claim

    def answered(self, session: Session, asked: Sequence[Asked]) -> Iterator[Answered]:
        """Find the replies that need not be asked for: stored for this item, or reusable."""
        spares = completions.spares(session, [one.item.id for one in asked])
        for one in asked:
            if kept := spares.get(one.item.id):
                yield Answered(one, kept)
        if not self.material.options.reuse_replies:
            return
        keys = {
            key: one
            for one in asked
            if one.item.id not in spares and (key := reuse_key(one.request, self._model))
        }
        for key, kept in completions.reusable(session, list(keys)).items():
            one = self._named(keys[key])
            reply = Reply(
                work_item_id=one.item.id,
                stage=one.item.stage,
                request=one.request,
                completion=kept.completion,
                latency_s=0.0,
                demonstrations=one.demonstrations,
                call=one.call,
                request_sha256=key,
                reused_from=kept.id,
            )
            yield Answered(one, reply)

    def affordable(
        self, session: Session, run: Run, asked: Iterable[Asked], *, by_batch: bool = False
    ) -> list[Asked]:
        """Take calls as long as the caps allow them, each with the most that it can take.

        Where not even the first is allowed and nothing is in the air, the run is paused.
        """
        caps = caps_of(run)
        in_air = work_items.reserved(session, run.id) if caps != NO_CAPS else NOTHING
        used = spent(run) + in_air
        taken: list[Asked] = []
        for one in asked:
            most = prices.most(one.request, self._model, self._context.prices, by_batch=by_batch)
            broken = caps.broken_by(used + most)
            if broken is not None:
                if used == spent(run):
                    pause_for_budget(session, run, broken)
                break
            used += most
            taken.append(replace(one, reserved=most))
        return taken

    def _named(self, asked: Asked) -> Asked:
        self._calls += 1
        return replace(asked, call=f"{self._token}.{self._calls}")


def caps_of(run: Run) -> Caps:
    """What the run may take."""
    return Caps(run.max_calls, run.max_tokens, run.max_cost_usd)


def spent(run: Run) -> Amount:
    """What the run has taken, as far as that is known; the rest at the most it can have been."""
    presumed_spent = Amount(
        run.presumed_spent_calls, run.presumed_spent_tokens, run.presumed_spent_usd
    )
    tokens = run.prompt_tokens + run.completion_tokens
    return Amount(run.calls, tokens, run.cost_usd or NOTHING.usd) + presumed_spent


def pause_for_budget(session: Session, run: Run, cap: str) -> None:
    """Pause a run whose next call could take it over a cap."""
    used = spent(run)
    message = (
        f"The next call could go over the cap of {cap}. Spent so far: {used.calls:,} calls,"
        f" {used.tokens:,} tokens, ${used.usd:f}. Extend the budget and resume, or take what is"
        " there."
    )
    session.flush()
    runs.move(session, run.id, Status.PAUSED, reason=EndReason.BUDGET, message=message)


def answered(ended: Ended[Asked], model: str, known_prices: Mapping[str, Price]) -> Answered:
    """Read how a call ended as what it means for its item."""
    match ended.answer:
        case ItemError() | Outage() as trouble:
            why = str(trouble) if ended.is_to_blame else Again()
            return Answered(ended.call, why, trouble.may_be_paid)
        case ProviderError():
            return Answered(ended.call, Again())
        case completion:
            latency_s = ended.latency_s
            reply = paid_reply(ended.call, completion, model, known_prices, latency_s=latency_s)
            return Answered(ended.call, reply)


def paid_reply(
    asked: Asked,
    completion: Completion,
    model: str,
    known_prices: Mapping[str, Price],
    *,
    latency_s: float = 0.0,
    batch_id: str | None = None,
) -> Reply:
    """What is kept of an answer that was asked for: with a call, or with a batch."""
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
        request_sha256=reuse_key(asked.request, model),
        batch_id=batch_id,
    )


def reuse_key(request: Request, model: str) -> str | None:
    """Name what a reply at temperature 0 depends on; None where it depends on chance."""
    if request.parameters.temperature > 0:
        return None
    return completions.request_sha256(request, model)
