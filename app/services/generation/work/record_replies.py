"""The changes that a batch of replies makes, in one transaction: stored, read, decided, planned on.

The caller holds the run's row. Changes are gathered reply by reply and written at once: a statement
for each kind of change, not for each reply.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from sqlalchemy.orm import Session

from app.pipeline.types import Stage
from app.services.generation.trouble import messages
from app.services.generation.work import accounting
from app.services.generation.work.admission import admit
from app.services.generation.work.item_call import Again, Answered, Failed, ItemCall
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.pending_changes import Changes
from app.services.generation.work.plan_work import plan_rows
from app.services.generation.work.pool import Pool
from app.services.generation.work.raise_limit import asks_again_with_higher_limit
from app.services.generation.work.stages import STAGES, Recording
from app.services.model_calls.streaks import LIMIT, Streak, streaks_from
from app.states import EndReason, ItemState, Status
from app.store.runs import runs
from app.store.runs.source import Growing, Reviewing
from app.store.tables.runs import Run
from app.store.work import completions, item_counts, work_items
from app.store.work.completions import Kept, Reply
from app.store.work.work_items import Item, Standing

_PATIENT_RESUMES = 2
"""Resumes without a change, all met by the same refusal, after which items are given up."""


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
        recording = Recording(session, run, material, Changes(), streaks_from(run.refusals))
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
        kept = _kept(session, run, used)
        lacking = [asked.item.id for asked, one in kept if _read(recording, asked, one)]
        if lacking:
            work_items.reopen(session, lacking, self._token)
        recording.changes.write(session, run)
        _record_refusals(recording)
        _plan_on(session, run, material, pool)


def give_up_refused(session: Session, run: Run, material: RunMaterial) -> None:
    """Give up the items that the endpoint refused; the caller holds the run's row."""
    recording = Recording(session, run, material, Changes())
    for item, trouble in work_items.load_refused(session, run.id):
        work_items.record_attempt(session, item, trouble, ItemState.DEAD)
        _report(recording, "given_up", item, trouble)
        STAGES[item.stage].give_up(recording, item, trouble)
    recording.changes.write(session, run)


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
) -> Iterator[tuple[ItemCall, Kept | Failed]]:
    """Store the replies; yield every answer as it is stored, in order."""
    replies = [a for a in answers if isinstance(a.reply, Reply)]
    ids = iter(_store(session, run, replies))
    spares = [a.reply.id for a in answers if isinstance(a.reply, Kept)]
    if spares:
        completions.record_used(session, spares)
    for asked, reply, presumed in ((a.asked, a.reply, a.presumed) for a in answers):
        accounting.presume_spent(run, presumed)
        if isinstance(reply, Reply):
            yield asked, Kept(next(ids), reply.completion)
        elif not isinstance(reply, Again):
            yield asked, reply


def _store(
    session: Session, run: Run, answers: Sequence[Answered], *, are_spare: bool = False
) -> list[int]:
    replies = [answer.reply for answer in answers if isinstance(answer.reply, Reply)]
    accounting.record_replies(session, run, replies)
    spare = {answer.asked.call for answer in answers} if are_spare else ()
    return completions.add(session, run.id, replies, spare=spare)


def _read(recording: Recording, asked: ItemCall, kept: Kept | Failed) -> bool:
    """Read a reply by its stage; a failure counts as an attempt of the item.

    Returns:
        True when the item is to be asked again, without a failed attempt: its reply was cut off.
    """
    stage = asked.item.stage
    if isinstance(kept, Failed) and kept.is_refusal:
        _count_refusal(recording, asked.item, kept.words)
        return False
    trouble: str | None
    if isinstance(kept, Failed):
        trouble = kept.words
    else:
        recording.streaks.answered(stage)
        if asks_again_with_higher_limit(recording, asked, kept.completion):
            return True
        trouble = STAGES[stage].read(recording, asked, kept)
    if trouble is not None:
        _count_attempt(recording, asked.item, trouble)
    return False


def _count_attempt(recording: Recording, item: Item, trouble: str) -> None:
    most = recording.material.options.max_attempts
    if not work_items.record_failed_attempt(recording.session, item, trouble, most):
        return
    _report(recording, "given_up", item, trouble)
    STAGES[item.stage].give_up(recording, item, trouble)


def _count_refusal(recording: Recording, item: Item, words: str) -> None:
    """Count a call that the endpoint refused.

    The item is not given up for it while the endpoint refuses other calls of the stage, too: those
    refusals are not about the item, and the run pauses once there are many.
    """
    session, run = recording.session, recording.run
    most = recording.material.options.max_attempts
    streak = recording.streaks.refused(
        item.stage, item.id, words, lambda: item_counts.in_flight(session, run.id, item.stage)
    )
    if item.attempts + 1 < most:
        work_items.record_attempt(session, item, words, ItemState.OPEN)
    elif STAGES[item.stage].waits_when_refused:
        work_items.record_attempt(session, item, words, ItemState.REFUSED)
        _report(recording, "refused", item, words)
    elif item.attempts < most + LIMIT and _may_be_about_endpoint(recording, item.stage, streak):
        work_items.record_attempt(session, item, words, ItemState.OPEN)
    else:
        _count_attempt(recording, item, words)


def _may_be_about_endpoint(recording: Recording, stage: Stage, streak: Streak) -> bool:
    """Return True when refusals in a row may be about more than one item.

    They are about the item if the endpoint has answered others of its stage, and was asked for this
    one only since then.
    """
    if streak.calls < recording.material.options.max_attempts or streak.resumes >= _PATIENT_RESUMES:
        return False
    run = recording.run
    return len(streak.items) > 1 or not item_counts.any_answered(recording.session, run.id, stage)


def _report(recording: Recording, kind: str, item: Item, trouble: str) -> None:
    data = {"stage": item.stage, "ordinal": item.ordinal, "trouble": trouble}
    runs.add_event(recording.session, recording.run.id, kind, data)


def _record_refusals(recording: Recording) -> None:
    """Store the refusals in a row; pause the run when there are many."""
    session, run = recording.session, recording.run
    stored = recording.streaks.stored()
    if stored != run.refusals:
        run.refusals = stored
    long = recording.streaks.long
    if long is not None and run.status == Status.RUNNING:
        session.flush()
        message = messages.refused_in_a_row(run, *long)
        runs.move(session, run.id, Status.PAUSED, reason=EndReason.PROVIDER, message=message)


def _plan_on(session: Session, run: Run, material: RunMaterial, pool: Pool) -> None:
    match material.source:
        case Growing():
            admit(session, run, material, pool)
        case Reviewing():
            plan_rows(session, run)
        case never:
            assert_never(never)
