"""Claiming work: which items a pump may ask next, within the caps of the run.

The caller holds the run's row, so what is in flight and what was spent do not change meanwhile.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from app.llm import prices
from app.pipeline.budget import NOTHING
from app.services.context import ServiceContext
from app.services.generation.work import accounting, requests
from app.services.generation.work.accounting import Affordable
from app.services.generation.work.item_call import Answered, ItemCall, reuse_key
from app.services.generation.work.material import PreparedRun, RunMaterial
from app.store.runs import stage_usage
from app.store.tables.runs import Run
from app.store.work import completions, work_items
from app.store.work.completions import Reply


@dataclass(slots=True)
class Claim:
    """The items that a pump got."""

    to_ask: list[ItemCall] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    """Items for which a reply is stored already."""
    capped: bool = False
    """There was more, which a cap does not allow while the calls in flight reserve it."""

    def __bool__(self) -> bool:
        """Return True when it got anything."""
        return bool(self.to_ask or self.answered)


class Claimer:
    """Claims for one pump; `token` marks what it leases."""

    def __init__(self, context: ServiceContext, prepared: PreparedRun, token: str) -> None:
        self._prices = context.prices
        self._model = prepared.model
        self._token = token
        self._calls = 0

    def claim(
        self,
        session: Session,
        run: Run,
        material: RunMaterial,
        shares: Mapping[str, int],
        *,
        probing: bool,
        excluding: Collection[int] = (),
    ) -> Claim:
        """Lease as many items as the endpoints have capacity for and the run's caps allow.

        When not even the first call is allowed and nothing is in flight, the run is paused.

        Args:
            session: of the transaction that holds the run's row.
            run: the run.
            material: what stays the same through it.
            shares: how many calls each endpoint takes.
            probing: the calls find out whether an endpoint is back, so items that have not failed
                come first: one of those that failed may be what broke it.
            excluding: items that this transaction records. Repeated after a lost answer, it would
                take a new claim of one for the old one, and record the old reply a second time.
        """
        places = [name for name, count in shares.items() for _ in range(count)]
        items = work_items.find_open(
            session, run.id, len(places), unfailed_first=probing, excluding=excluding
        )
        if not items:
            return Claim()
        asked = requests.build(session, items, material, material.asking)
        claim = Claim()
        claim.answered.extend(self.answered(session, material, asked))
        done = {answer.asked.item.id for answer in claim.answered}
        rest, budget = self.affordable(
            session, run, [one for one in asked if one.item.id not in done]
        )
        if budget.broken_cap is not None and budget.is_final:
            accounting.pause_for_budget(session, run, budget.broken_cap)
        claim.capped = budget.broken_cap is not None
        claim.to_ask.extend(
            replace(self._named(one), endpoint=place)
            for one, place in zip(rest, places, strict=False)
        )
        reserved = {one.item.id: one.reserved for one in claim.to_ask}
        work_items.lease(session, self._token, dict.fromkeys(done, NOTHING) | reserved)
        return claim

    def answered(
        self, session: Session, material: RunMaterial, asked: Sequence[ItemCall]
    ) -> Iterator[Answered]:
        """Find the replies that need not be asked for: stored for this item, or reusable."""
        spares = completions.spares(session, [one.item.id for one in asked])
        for one in asked:
            if kept := spares.get(one.item.id):
                yield Answered(one, kept)
        if not material.options.reuse_replies:
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
                requested_model=self._model,
                request_sha256=key,
                reused_from=kept.id,
            )
            yield Answered(one, reply)

    def affordable(
        self, session: Session, run: Run, asked: Sequence[ItemCall], *, by_batch: bool = False
    ) -> tuple[list[ItemCall], Affordable]:
        """Return the calls that the caps allow, each with the most it can take, and the verdict."""
        bills = stage_usage.largest_bills(session, run.id, self._model)
        most = [
            prices.max_usage(
                one.request,
                self._model,
                self._prices,
                seen=bills.of(one.item.stage),
                by_batch=by_batch,
            )
            for one in asked
        ]
        budget = accounting.affordable(session, run, most)
        calls = [
            replace(one, reserved=reserved)
            for one, reserved in zip(asked[: budget.count], most, strict=False)
        ]
        return calls, budget

    def _named(self, asked: ItemCall) -> ItemCall:
        self._calls += 1
        return replace(asked, call=f"{self._token}.{self._calls}")
