"""The results of a batch, recorded in the run: some lines per transaction, from the first line on.

A line is recorded while its item is in the batch, so a line that was recorded before a crash is
skipped. With the last lines the batch is closed: items that it lacks are asked by calls.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import islice

from sqlalchemy.orm import Session

from app.errors import ItemError, ProviderError, RunError
from app.llm.answers.finish_reasons import checked_by_limit
from app.llm.answers.usage import estimate_missing
from app.llm.batch_api.batches import BatchEndpoint, Collected
from app.llm.dialects.dialect import Dialect, lessons_from_json
from app.llm.prices import cost_usd
from app.pipeline.budget import NOTHING, Amount
from app.pipeline.types import Completion, Stage
from app.services.context import ServiceContext
from app.services.generation.batch_api.held_batch import HeldBatch
from app.services.generation.work import accounting, requests
from app.services.generation.work.item_call import (
    Again,
    Answered,
    ItemCall,
    failed,
    paid_reply,
    presumed,
)
from app.services.generation.work.material import PreparedRun, as_known_now
from app.services.generation.work.pool import Pool, loaded_pool
from app.services.generation.work.record_replies import Recorder
from app.states import BatchState
from app.store.tables.batches import Batch
from app.store.tables.runs import Run
from app.store.work import batch_items, batches, work_items

_LINES = 32
"""Lines recorded in one transaction."""
_LONGEST_ID = 18
"""Digits that surely fit into an item's id."""


class Collection:
    """One pass over a batch's lines."""

    def __init__(
        self,
        context: ServiceContext,
        prepared: PreparedRun,
        held: HeldBatch,
        endpoint: BatchEndpoint,
    ) -> None:
        self._context = context
        self._model = prepared.model
        self._asking = prepared.material.asking
        self._spoken = Dialect(lessons_from_json(held.batch.lessons or ()))
        self._material = prepared.material
        self._held = held
        self._batch = held.batch
        self._endpoint = endpoint
        self._has_learnt = False
        self._recorder = Recorder(held.batch.id)
        self._pool: Pool | None = None
        self._answered = 0
        self._unreadable = 0
        self._strays: list[Completion] = []
        self._refusal: ProviderError | None = None

    def collect(self, lines: Iterator[Collected], stop: Callable[[], bool]) -> ProviderError | None:
        """Record all lines, and close the batch.

        Broken off by `stop`, by a failure of the provider, or where another pump took over, it
        leaves the batch to be collected again.

        Returns:
            Why the run has to wait for a person; None when it has not.
        """
        while not stop():
            some = list(islice(lines, _LINES))
            if not self._record(some, is_end=len(some) < _LINES):
                return None
            if len(some) < _LINES:
                return self._refusal
        return None

    def _record(self, lines: Sequence[Collected], *, is_end: bool) -> bool:
        ours = self._sorted(lines)
        if self._pool is None:
            load = partial(loaded_pool, self._material)
            self._pool = self._context.database.retrying(load, writes=False)
        pools: list[Pool] = []

        def record(session: Session, run: Run, now: Batch) -> None:
            if now.state != BatchState.ENDED:
                return
            # Put back after the commit, as in a pump's turn.
            pool, self._pool = self._pool or Pool(self._material), None
            self._material = as_known_now(run, self._material)
            answers = self._answers(session, ours)
            self._recorder.record(session, run, self._material, answers, pool)
            self._wait_again(session, run, answers)
            if is_end:
                session.flush()
                self._close(session, run, now)
            pools[:] = [pool]

        held = self._held.change(record)
        self._pool = pools[0] if pools else None
        return held

    def _sorted(self, lines: Sequence[Collected]) -> dict[int, Collected]:
        """Return the lines by the item that each answers, and remember the others."""
        by_id = {number: line for line in lines if (number := _item_id(line)) is not None}
        run_id, stage = self._batch.run_id, self._batch.stage
        with self._context.database.read() as session:
            known = batch_items.known(session, run_id, stage, by_id.keys())
        for line in lines:
            is_ours = _item_id(line) in known
            if isinstance(line.answer, Completion):
                self._answered += 1
                if not is_ours:
                    self._strays.append(line.answer)
            elif line.answer.may_be_paid:
                self._answered += is_ours
                self._unreadable += not is_ours
        return {number: line for number, line in by_id.items() if number in known}

    def _answers(self, session: Session, lines: Mapping[int, Collected]) -> list[Answered]:
        found = batch_items.answered(session, self._batch.id, lines.keys())
        items = [item for item, _ in found]
        asked = requests.build(session, items, self._material, self._asking)
        return [
            self._answer(self._named(one, most), lines[one.item.id])
            for one, (_, most) in zip(asked, found, strict=True)
        ]

    def _named(self, asked: ItemCall, most: Amount) -> ItemCall:
        call = f"{self._batch.id}.{asked.item.id}"
        return replace(asked, reserved=most, call=call, endpoint=self._batch.endpoint)

    def _answer(self, asked: ItemCall, line: Collected) -> Answered:
        answer, refusal = line.answer, line.refusal
        if refusal is not None and self._endpoint.learn(refusal, asked.request, self._spoken):
            self._has_learnt = True
            return Answered(asked, Again())
        if refusal is not None:
            answer = self._endpoint.trouble_of(refusal, asked.request)
        match answer:
            case Completion():
                prices = self._context.prices
                answer = checked_by_limit(answer, asked.request.parameters.max_tokens)
                answer = estimate_missing(answer, asked.request)
                reply = paid_reply(asked, answer, self._model, prices, batch_id=self._batch.id)
                return Answered(asked, reply)
            case ItemError():
                return Answered(asked, failed(asked.item.stage, answer), self._most(asked, answer))
            case RunError():
                self._refusal = answer
        # An item that was not asked, or could not be answered now, is asked by a call.
        return Answered(asked, Again(), self._most(asked, answer))

    def _most(self, asked: ItemCall, trouble: ProviderError) -> Amount:
        return presumed(asked, trouble, self._model, self._context.prices, by_batch=True)

    def _cost_usd(self, completion: Completion) -> Decimal | None:
        return cost_usd(completion, self._model, self._context.prices, by_batch=True)

    def _wait_again(self, session: Session, run: Run, answers: Sequence[Answered]) -> None:
        """Let items refused for a parameter go into a batch without it."""
        if self._has_learnt and self._batch.stage in run.batch_stages:
            again = [a.asked.item.id for a in answers if isinstance(a.reply, Again)]
            batch_items.wait_again(session, again)

    def _close(self, session: Session, run: Run, now: Batch) -> None:
        left = work_items.leased_by(session, run.id, now.id)
        # Some of the missing replies were paid for all the same: nobody knows which.
        paid = max(self._unreadable, now.completed - self._answered)
        dearest = sorted(left.values(), key=lambda most: (most.usd, most.tokens), reverse=True)
        accounting.presume_spent(run, sum(dearest[: max(0, paid)], NOTHING))
        for stray in self._strays:
            cost_usd = self._cost_usd(stray)
            accounting.record_stray_reply(
                session, run, Stage(now.stage), stray, cost_usd, endpoint=now.endpoint
            )
        batch_items.hand_back(session, run.id, now.id, by_batch=False)
        batches.close(session, now.id, BatchState.COLLECTED)
        self._held.report(session, BatchState.COLLECTED, answered=self._answered, missing=len(left))


def _item_id(line: Collected) -> int | None:
    """Return the id of the item that a line answers; None when it answers none."""
    name = line.custom_id
    is_number = name.isascii() and name.isdecimal() and len(name) <= _LONGEST_ID
    return int(name) if line.stray is None and is_number else None
