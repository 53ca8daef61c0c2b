"""A batch that this pump polls, and every change to it: each is fenced and safe to repeat."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.errors import (
    BatchApiError,
    ConfigurationError,
    Conflict,
    Outage,
    RunError,
    SeedbedError,
    Throttled,
)
from app.llm.batch_api.batches import BatchStatus
from app.pipeline.budget import NOTHING
from app.pipeline.types import Stage
from app.services.context import ServiceContext
from app.services.generation.start.prepare import pause_for_provider
from app.services.generation.trouble import messages
from app.services.generation.work.accounting import presume_spent
from app.states import BatchState
from app.store.runs import runs, slots
from app.store.runs.runs import Hold
from app.store.tables.batches import Batch
from app.store.tables.runs import Run
from app.store.work import batch_items, batches, work_items
from app.store.work.batches import LONGEST_DELAY, Taken

_log = logging.getLogger(__name__)

MAX_REFUSALS = 8
"""Batches refused in a row, each half as large as the one before; then its items are asked by
calls."""
_LISTED_AFTER = 6
"""In first delays: how long to wait before looking for a batch whose creation was not answered. A
provider may list it late, and it would be created twice."""

Change = Callable[[Session, Run, Batch], None]


class HeldBatch:
    """A batch under this pump's lease; `batch` is as it was when the pump took it."""

    def __init__(self, context: ServiceContext, hold: Hold, taken: Taken) -> None:
        self._context = context
        self._hold = hold
        self._first_s = context.batch_poll_s
        self.batch, self.out_s, self.failing_s, self.cancelled_s = taken

    def change(self, make: Change) -> bool:
        """Change the batch and its run in one transaction; False when another pump has it."""

        def turn(session: Session) -> bool:
            run = runs.lock(session, self._hold.run_id)
            now = batches.held(session, self.batch.id, self._hold.token)
            if run is None or now is None:
                return False
            make(session, run, now)
            return True

        return self._context.database.retrying(turn)

    def submitted(self, provider_id: str, lessons: Sequence[Mapping[str, Any]]) -> None:
        """Record that the provider has it; `lessons`: what was known of the endpoint before."""

        def submitted(session: Session, _: Run, now: Batch) -> None:
            wait_s = 0.0 if now.cancelled_at is not None else self._first_s
            batches.record_submitted(session, now.id, provider_id, wait_s, lessons)
            self.report(session, BatchState.SUBMITTED)

        self.change(submitted)

    def working(self, status: BatchStatus, *, cancelled: bool) -> None:
        """Record that the provider works on it; `cancelled`: and was asked to end it."""

        def working(session: Session, _: Run, now: Batch) -> None:
            # Cancelled since it was polled: that is passed on at once.
            at_once = now.cancelled_at is not None and not cancelled
            first_s = 0.0 if at_once else self._first_s
            said, completed = status.said, status.completed
            batches.record_working(
                session, now.id, said, completed, first_s=first_s, cancelled=cancelled
            )

        self.change(working)

    def ended(self, status: BatchStatus) -> bool:
        """Record that its results are there; False when another pump has it by now."""
        return self.change(
            lambda session, _, now: batches.record_ended(
                session, now.id, status.said, status.completed
            )
        )

    def wait(self, trouble: SeedbedError, patience_s: float) -> None:
        """Poll it again later, because of `trouble`; after `patience_s` a person has to act.

        Where the run has other endpoints it goes on at these, and waits for the batch for as long
        as batches are waited for. Then its items are asked elsewhere.
        """
        if self.failing_s <= patience_s:
            self._postpone(trouble)
            return
        words = f"For {self.failing_s:.0f} s: {trouble}"
        is_unsent = self.batch.state == BatchState.PLANNED and not self._may_exist(trouble)
        if self.cancelled_s is not None or not self._has_other_endpoints():
            self.need_help(words)
        elif is_unsent:
            self._close_refused(words)
        elif self.failing_s > self._context.batch_patience_s:
            self.lose(words)
        else:
            self._postpone(trouble)

    def leave(self, trouble: SeedbedError) -> None:
        """Go on at the other endpoints while its endpoint refuses every call; else pause the run.

        What was not sent is asked elsewhere at once. What is at the provider is waited for: it was
        paid for, and is there again once a person has acted.
        """
        if self.cancelled_s is not None or not self._leaves_endpoint(trouble):
            self.need_help(str(trouble), trouble)
            return
        words = str(trouble)
        self.change(lambda session, run, now: runs.set_aside(session, run, {now.endpoint: words}))
        if self.batch.state == BatchState.PLANNED and not self._may_exist(trouble):
            self.refuse(trouble)
        else:
            self.wait(trouble, self._context.batch_patience_s)

    def end_at_endpoint(self, trouble: SeedbedError) -> None:
        """Set the endpoint of a closed batch aside; pause the run where there is no other."""
        if not self._leaves_endpoint(trouble):
            self.pause(str(trouble))
            return
        endpoint, words = self.batch.endpoint, str(trouble)
        self._context.database.retrying(
            lambda session: _set_aside(session, self._hold, endpoint, words)
        )

    def _leaves_endpoint(self, trouble: SeedbedError) -> bool:
        """Return True when the run can go on without this endpoint, which refuses every call."""
        is_about_batch = isinstance(trouble, BatchApiError | ConfigurationError)
        return self._has_other_endpoints() and (not is_about_batch or self._is_aside())

    def _has_other_endpoints(self) -> bool:
        names = {endpoint.name for endpoint in self._context.endpoints}
        return bool(names - {self.batch.endpoint} - self._aside())

    def _is_aside(self) -> bool:
        return self.batch.endpoint in self._aside()

    def _aside(self) -> set[str]:
        with self._context.database.read() as session:
            return set(session.get_one(Run, self.batch.run_id).set_aside)

    def _close_refused(self, words: str) -> None:
        """Close a batch of which nothing was asked; its items are asked by calls."""

        def close(session: Session, run: Run, now: Batch) -> None:
            batch_items.hand_back(session, run.id, now.id, by_batch=False)
            batches.close(session, now.id, BatchState.REFUSED, trouble=words)
            self.report(session, BatchState.REFUSED, trouble=words, by_calls=True)

        self.change(close)

    def _postpone(self, trouble: SeedbedError) -> None:
        """Poll it again later."""
        retry_s = trouble.retry_after_s if isinstance(trouble, Throttled) else None
        unknown = self.batch.state == BatchState.PLANNED and isinstance(trouble, Outage)
        at_least_s = self._first_s * _LISTED_AFTER if unknown else retry_s or 0.0
        self.change(
            lambda session, _, now: batches.postpone(
                session,
                now.id,
                str(trouble),
                first_s=self._first_s,
                at_least_s=at_least_s,
                may_exist=self._may_exist(trouble),
            )
        )

    def refuse(self, trouble: SeedbedError | None) -> None:
        """Close a batch of which nothing was asked; its items are asked by another, or by calls.

        Args:
            trouble: why it was refused; after a throttle or an outage the next one is smaller.
                None: it was cancelled before it was sent.
        """
        too_much = isinstance(trouble, Throttled | Outage)

        def refuse(session: Session, run: Run, now: Batch) -> None:
            again = too_much or isinstance(trouble, RunError)
            again = again and now.stage in run.batch_stages and now.cancelled_at is None
            last = batches.refused_last(session, run.id, now.stage, before=now.id)
            in_a_row = 1 + (last.in_a_row if last is not None else 0)
            if too_much and in_a_row >= MAX_REFUSALS:
                again = False
                batch_items.ask_all_by_call(session, run.id, Stage(now.stage))
            batch_items.hand_back(session, run.id, now.id, by_batch=again)
            delay = self._first_s * min(2 ** (in_a_row - 1), LONGEST_DELAY)
            words = str(trouble) if trouble is not None else None
            retry_after_s = delay if again and too_much else None
            batches.close(
                session, now.id, BatchState.REFUSED, trouble=words, retry_after_s=retry_after_s
            )
            self.report(session, BatchState.REFUSED, trouble=words, by_calls=not again)

        self.change(refuse)

    def lose(self, words: str) -> None:
        """Give up a batch whose results can't be had: presume its calls spent, and ask again."""

        def lose(session: Session, run: Run, now: Batch) -> None:
            left = work_items.leased_by(session, run.id, now.id)
            presume_spent(run, sum(left.values(), NOTHING))
            batch_items.hand_back(session, run.id, now.id, by_batch=False)
            batches.close(session, now.id, BatchState.LOST, trouble=words)
            self.report(session, BatchState.LOST, trouble=words)

        self.change(lose)

    def need_help(self, words: str, trouble: SeedbedError | None = None) -> None:
        """Pause the run until a person acts; a cancelled batch is given up instead."""
        may_exist = self._may_exist(trouble)
        if self.cancelled_s is not None:
            if self.batch.state == BatchState.PLANNED and not may_exist:
                self.refuse(None)
            else:
                self.lose(words)
            return
        if (
            self.batch.state == BatchState.PLANNED
            and isinstance(trouble, RunError)
            and not may_exist
        ):
            self.refuse(trouble)
        else:
            self.change(
                lambda session, _, now: batches.reset_failures(
                    session, now.id, words, may_exist=may_exist
                )
            )
        self.pause(words)

    def pause(self, words: str) -> None:
        """Pause the run with the provider's words, and say how to go on without batches."""
        run_id = self._hold.run_id
        _log.warning("run %s pauses: %s", run_id, words)
        advice = messages.without_batches(run_id)
        pause_for_provider(self._context, self._hold, f"{words} {advice}")

    def report(self, session: Session, state: str, **more: object) -> None:
        """Append to the run's log."""
        batch = self.batch
        event = {"batch": batch.id, "stage": batch.stage, "state": state}
        known = {name: value for name, value in more.items() if value is not None}
        runs.add_event(session, batch.run_id, "batch", event | {"requests": batch.requests} | known)

    def _may_exist(self, trouble: SeedbedError | None) -> bool:
        """Return True when the provider may have it; a refusal of the last try changes nothing."""
        unknown = isinstance(trouble, Outage | Conflict)
        return self.batch.may_exist or (self.batch.state == BatchState.PLANNED and unknown)


def _set_aside(session: Session, hold: Hold, endpoint: str, words: str) -> None:
    run = runs.lock(session, hold.run_id)
    if run is not None and slots.is_held(session, hold):
        runs.set_aside(session, run, {endpoint: words})
