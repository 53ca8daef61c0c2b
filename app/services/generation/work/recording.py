"""What a batch of replies changes, in one transaction: kept, read, decided, and the next planned.

The caller holds the run's row. What changes is gathered reply by reply and written at once: a
statement for each kind of change, not for each reply.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from app.pipeline.budget import NOTHING, Amount
from app.pipeline.calibration import bias_of
from app.pipeline.types import Completion, Rejected, Stage
from app.services.generation.work.admission import admit, plan_classification
from app.services.generation.work.pool import Pool, RunMaterial
from app.services.generation.work.requests import Asked, classify_stage
from app.services.generation.work.review_rows import give_up_row, plan_rows, take_review
from app.services.generation.work.run_filters import screened
from app.services.generation.work.write_batch import Changes
from app.states import ItemState
from app.store.runs import runs
from app.store.tables.runs import Run
from app.store.work import completions, work_items
from app.store.work.completions import Kept, Reply
from app.store.work.instructions import Dropped, Label, Made, bounded
from app.store.work.work_items import Item, Planned, Settled, Standing


class Again:
    """No answer and no fault of the item's: it is asked again, and no attempt is burnt."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A finished call: a reply, or the provider's words on why this item has none."""

    asked: Asked
    reply: Reply | Kept | str | Again
    may_be_paid: bool = False
    """Whether the provider may charge for a call that brought nothing."""


class Recorder:
    """Records for one pump; `token` is its fence."""

    def __init__(self, material: RunMaterial, token: str) -> None:
        self.material = material
        self._token = token

    def record(self, session: Session, run: Run, answers: Sequence[Answered], pool: Pool) -> None:
        """Record a batch; safe to repeat: a reply that is stored already is passed over.

        A reply whose item was given to another pump is kept all the same: it was paid for.
        """
        changes = Changes()
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
        used = timely + self._late(session, run, late, standings)
        for asked, kept in self._kept(session, run, used):
            self._read(session, run, asked, kept, changes)
        changes.write(session, run)
        if self.material.dataset_id is None:
            admit(session, run, self.material, pool)
        else:
            plan_rows(session, run)

    def _late(
        self,
        session: Session,
        run: Run,
        answers: Sequence[Answered],
        standings: Mapping[int, Standing],
    ) -> list[Answered]:
        """Book replies that came after their lease; the ones that can still be used."""
        if not answers:
            return []
        known = completions.known_calls(session, [a.asked.item.id for a in answers])
        new = [
            answer
            for answer in answers
            if isinstance(answer.reply, Reply) and answer.asked.call not in known
        ]
        for answer in new:
            # Written off when the lease was taken away; now its end is known after all.
            write_off(run, answer.asked.reserved, sign=-1)
        usable = [a for a in new if standings[a.asked.item.id] is Standing.OPEN]
        spare = [a for a in new if standings[a.asked.item.id] is not Standing.OPEN]
        self._store(session, run, spare, are_spare=True)
        return usable

    def _kept(
        self, session: Session, run: Run, answers: Sequence[Answered]
    ) -> Iterator[tuple[Asked, Kept | str]]:
        """Store the replies; every answer as what is stored of it, in order."""
        replies = [a for a in answers if isinstance(a.reply, Reply)]
        ids = iter(self._store(session, run, replies))
        spares = [a.reply.id for a in answers if isinstance(a.reply, Kept)]
        if spares:
            completions.use(session, spares)
        for asked, reply, may_be_paid in ((a.asked, a.reply, a.may_be_paid) for a in answers):
            if may_be_paid:
                write_off(run, asked.reserved)
            if isinstance(reply, Reply):
                yield asked, Kept(next(ids), reply.completion)
            elif not isinstance(reply, Again):
                yield asked, reply

    def _store(
        self, session: Session, run: Run, answers: Sequence[Answered], *, are_spare: bool = False
    ) -> list[int]:
        replies = [answer.reply for answer in answers if isinstance(answer.reply, Reply)]
        book(run, replies)
        spare = {answer.asked.call for answer in answers} if are_spare else ()
        return completions.add(session, run.id, replies, spare=spare)

    def _read(
        self, session: Session, run: Run, asked: Asked, kept: Kept | str, changes: Changes
    ) -> None:
        if isinstance(kept, str):
            self._burn(session, run, asked.item, kept, changes)
            return
        match asked.item.stage:
            case Stage.GENERATE:
                changes.settled.append(Settled(asked.item.id, ItemState.ANSWERED, kept.id))
            case Stage.CALIBRATE:
                work_items.settle(session, [Settled(asked.item.id, ItemState.DONE, kept.id)])
                self._calibrate(session, run)
            case Stage.CLASSIFY:
                self._classify(session, run, asked, kept, changes)
            case Stage.REVIEW:
                trouble = take_review(asked, kept, self.material, changes)
                if trouble is not None:
                    self._burn(session, run, asked.item, trouble, changes)
            case _:
                self._take_instances(asked, kept, changes)

    def _classify(
        self, session: Session, run: Run, asked: Asked, kept: Kept, changes: Changes
    ) -> None:
        read = classify_stage(self.material).parse(kept.completion, run.classification_bias)
        item = asked.item
        if read.is_classification is None:
            rejected = Rejected(kept.completion.text, "unreadable")
            changes.dropped.append(
                Dropped(Stage.CLASSIFY, rejected, kept.id, sequence=item.ordinal)
            )
            self._burn(session, run, item, "neither yes nor no", changes)
            return
        changes.labels.append(Label(item.ordinal, read.is_classification, read.confidence, kept.id))
        changes.settled.append(Settled(item.id, ItemState.DONE, kept.id))
        changes.planned.append(Planned(Stage.INSTANTIATE, item.ordinal, {}))

    def _take_instances(self, asked: Asked, kept: Kept, changes: Changes) -> None:
        item, about = asked.item, asked.about
        if about is None:
            raise ValueError("an item of the instance stage is about an instruction")
        stage = self.material.profile.instantiate(about.is_classification)
        options = self.material.options
        read = stage.parse(kept.completion, about.text, options)
        read = screened(about.text, read, options.filters)
        dropped = [
            Dropped(Stage.INSTANTIATE, rejected, kept.id, sequence=item.ordinal)
            for rejected in read.rejected
        ]
        changes.dropped.extend(bounded(dropped))
        changes.made.append(Made(item.ordinal, kept.id, read.kept))
        changes.complete.append(item.ordinal)
        changes.settled.append(Settled(item.id, ItemState.DONE, kept.id))

    def _calibrate(self, session: Session, run: Run) -> None:
        """Once all is asked: the mean margin for nothing is the bias, and sorting may begin."""
        if work_items.any_unfinished(session, run.id, Stage.CALIBRATE):
            return
        parse = classify_stage(self.material).parse
        replies = completions.of_stage(session, run.id, Stage.CALIBRATE)
        margins = [m for reply in replies if (m := parse(reply, None).confidence) is not None]
        run.classification_bias = bias_of(margins)
        runs.add_event(session, run.id, "calibrated", {"bias": run.classification_bias})
        work_items.plan(session, run, plan_classification(range(run.accepted)))

    def _burn(self, session: Session, run: Run, item: Item, trouble: str, changes: Changes) -> None:
        most = self.material.options.max_attempts
        if not work_items.burn_attempt(session, item, trouble, most):
            return
        given_up = {"stage": item.stage, "ordinal": item.ordinal, "trouble": trouble}
        runs.add_event(session, run.id, "given_up", given_up)
        match item.stage:
            case Stage.CALIBRATE:
                self._calibrate(session, run)
            case Stage.CLASSIFY:
                if self.material.profile.unknown_is_no:
                    changes.labels.append(Label(item.ordinal, is_classification=False))
                changes.planned.append(Planned(Stage.INSTANTIATE, item.ordinal, {}))
            case Stage.INSTANTIATE:
                changes.complete.append(item.ordinal)
            case Stage.REVIEW:
                give_up_row(item, trouble, self.material, changes)
            case _:
                pass  # A dead ticket is admitted like one whose reply held nothing.


def book(run: Run, replies: Sequence[Reply]) -> None:
    """Enter replies into the run's books; one that was used again cost nothing."""
    paid = [reply for reply in replies if reply.reused_from is None]
    run.calls += len(paid)
    run.prompt_tokens += sum(reply.completion.prompt_tokens for reply in paid)
    run.completion_tokens += sum(reply.completion.completion_tokens for reply in paid)
    costs = [reply.cost_usd for reply in paid if reply.cost_usd is not None]
    if costs:
        run.cost_usd = sum(costs, run.cost_usd or NOTHING.usd)


def book_stray(run: Run, completion: Completion, cost_usd: Decimal | None) -> None:
    """Enter a paid reply that answers nothing that was asked."""
    run.calls += 1
    run.prompt_tokens += completion.prompt_tokens
    run.completion_tokens += completion.completion_tokens
    if cost_usd is not None:
        run.cost_usd = (run.cost_usd or NOTHING.usd) + cost_usd


def write_off(run: Run, most: Amount, *, sign: int = 1) -> None:
    """Enter calls whose end is not known at the most they can have taken; -1 takes that back."""
    run.presumed_spent_calls += sign * most.calls
    run.presumed_spent_tokens += sign * most.tokens
    run.presumed_spent_usd += sign * most.usd
