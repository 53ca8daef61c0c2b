"""The changes that a batch of replies makes, in one transaction: stored, read, decided, planned on.

The caller holds the run's row. Changes are gathered reply by reply and written at once: a statement
for each kind of change, not for each reply.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from sqlalchemy.orm import Session

from app.services.generation.work import accounting
from app.services.generation.work.admission import admit
from app.services.generation.work.item_call import Again, Answered, ItemCall
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.pending_changes import Changes
from app.services.generation.work.plan_work import plan_rows
from app.services.generation.work.pool import Pool
from app.services.generation.work.stages import STAGES, Recording
from app.store.runs import runs
from app.store.runs.source import Growing, Reviewing
from app.store.tables.runs import Run
from app.store.work import completions, work_items
from app.store.work.completions import Kept, Reply
from app.store.work.work_items import Item, Standing


class Recorder:
    """Records what one pump, or one batch, has asked; `token` is its fence."""

    def __init__(self, token: str) -> None:
        self._token = token

    def record(
        self,
        session: Session,
        run: Run,
        material: RunMaterial,
        answers: Sequence[Answered],
        pool: Pool,
    ) -> None:
        """Record calls that have ended; safe to repeat: a reply that is stored is skipped.

        A reply whose item was given to another pump is stored all the same: it was paid for.
        """
        recording = Recording(session, run, material, Changes())
        ids = [answer.asked.item.id for answer in answers]
        standings = work_items.standings(session, ids, self._token) if ids else {}
        timely: list[Answered] = []
        late: list[Answered] = []
        for answer in answers:
            ours = standings[answer.asked.item.id] is Standing.OURS
            (timely if ours else late).append(answer)
        again = [a.asked.item.id for a in timely if isinstance(a.reply, Again)]
        if again:
            work_items.reopen(session, again, self._token)
        used = timely + _late(session, run, late, standings)
        for asked, kept in _kept(session, run, used):
            _read(recording, asked, kept)
        recording.changes.write(session, run)
        _plan_on(session, run, material, pool)


def _late(
    session: Session, run: Run, answers: Sequence[Answered], standings: Mapping[int, Standing]
) -> list[Answered]:
    """Store the replies that came after their lease, and return those that are still of use."""
    if not answers:
        return []
    known = completions.known_calls(session, [a.asked.item.id for a in answers])
    new = [
        answer
        for answer in answers
        if isinstance(answer.reply, Reply) and answer.asked.call not in known
    ]
    for answer in new:
        # Presumed spent when the lease was taken away; now its end is known after all.
        accounting.take_back(run, answer.asked.reserved)
    usable = [a for a in new if standings[a.asked.item.id] is Standing.OPEN]
    spare = [a for a in new if standings[a.asked.item.id] is not Standing.OPEN]
    _store(session, run, spare, are_spare=True)
    return usable


def _kept(
    session: Session, run: Run, answers: Sequence[Answered]
) -> Iterator[tuple[ItemCall, Kept | str]]:
    """Store the replies; yield every answer as it is stored, in order."""
    replies = [a for a in answers if isinstance(a.reply, Reply)]
    ids = iter(_store(session, run, replies))
    spares = [a.reply.id for a in answers if isinstance(a.reply, Kept)]
    if spares:
        completions.record_used(session, spares)
    for asked, reply, may_be_paid in ((a.asked, a.reply, a.may_be_paid) for a in answers):
        if may_be_paid:
            accounting.presume_spent(run, asked.reserved)
        if isinstance(reply, Reply):
            yield asked, Kept(next(ids), reply.completion)
        elif not isinstance(reply, Again):
            yield asked, reply


def _store(
    session: Session, run: Run, answers: Sequence[Answered], *, are_spare: bool = False
) -> list[int]:
    replies = [answer.reply for answer in answers if isinstance(answer.reply, Reply)]
    accounting.record_replies(run, replies)
    spare = {answer.asked.call for answer in answers} if are_spare else ()
    return completions.add(session, run.id, replies, spare=spare)


def _read(recording: Recording, asked: ItemCall, kept: Kept | str) -> None:
    """Read a reply by its stage; a failure counts as an attempt of the item."""
    if isinstance(kept, str):
        trouble: str | None = kept
    else:
        trouble = STAGES[asked.item.stage].read(recording, asked, kept)
    if trouble is not None:
        _count_attempt(recording, asked.item, trouble)


def _count_attempt(recording: Recording, item: Item, trouble: str) -> None:
    session, run = recording.session, recording.run
    most = recording.material.options.max_attempts
    if not work_items.record_failed_attempt(session, item, trouble, most):
        return
    given_up = {"stage": item.stage, "ordinal": item.ordinal, "trouble": trouble}
    runs.add_event(session, run.id, "given_up", given_up)
    STAGES[item.stage].give_up(recording, item, trouble)


def _plan_on(session: Session, run: Run, material: RunMaterial, pool: Pool) -> None:
    match material.source:
        case Growing():
            admit(session, run, material, pool)
        case Reviewing():
            plan_rows(session, run)
        case never:
            assert_never(never)
