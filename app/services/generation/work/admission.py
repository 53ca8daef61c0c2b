"""Admission: replies of the generation stage become accepted or rejected instructions, in order.

The caller holds the run's row. Tickets are admitted strictly by number, and the tickets that this
allows are issued between them, so a run depends on its replies and never on their timing.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.pipeline.profiles import filters_of, generate_stage
from app.pipeline.screening import first_broken
from app.pipeline.types import Candidate, Completion, ReadInstances, Rejected, Stage
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.pending_changes import Changes
from app.services.generation.work.plan_work import new_tickets, plan_classification
from app.services.generation.work.pool import Pool
from app.services.generation.work.run_filters import screened
from app.states import ItemState
from app.store.json_columns import PoolNeighbour
from app.store.tables.runs import Run
from app.store.work import completions, tickets, work_items
from app.store.work.completions import Kept
from app.store.work.instructions import Dropped, Made, bounded
from app.store.work.tickets import Ticket
from app.store.work.work_items import Settled


def admit(session: Session, run: Run, material: RunMaterial, pool: Pool) -> None:
    """Admit every ticket whose turn has come and whose reply is in."""
    if run.accepted >= material.options.target:
        # Reopened after the target was met: not needed any more.
        work_items.drop_open(session, run.id, Stage.GENERATE)
    while due := tickets.next_tickets(session, run.id, run.tickets_admitted):
        pool.catch_up(session)
        changes = Changes()
        ids = [t.completion_id for t in due if t.completion_id is not None]
        replies = completions.load(session, ids)
        for ticket in due:
            changes.settled.append(_done(ticket))
            if ticket.state == ItemState.DROPPED:
                # Never asked: it says nothing about the model.
                run.tickets_admitted += 1
            else:
                _admit_ticket(run, material, pool, changes, _kept(ticket, replies), ticket.shown)
            changes.planned += new_tickets(run, material)
        changes.write(session, run)
        if run.accepted >= material.options.target:
            work_items.drop_open(session, run.id, Stage.GENERATE)


def _done(ticket: Ticket) -> Settled:
    state = ItemState.DONE if ticket.state == ItemState.ANSWERED else ticket.state
    return Settled(ticket.item_id, state, ticket.completion_id)


def _kept(ticket: Ticket, replies: Mapping[int, Completion]) -> Kept | None:
    if ticket.completion_id is None:
        return None
    return Kept(ticket.completion_id, replies[ticket.completion_id])


def _admit_ticket(
    run: Run, material: RunMaterial, pool: Pool, changes: Changes, kept: Kept | None, shown: int
) -> None:
    """Decide one ticket; `kept` is None when it has no reply."""
    accepted_before = run.accepted
    if kept is not None:
        _Ticket(run, material, pool, changes, kept.id).admit(kept.completion, shown)
    run.tickets_admitted += 1
    run.unproductive_tickets = 0 if run.accepted > accepted_before else run.unproductive_tickets + 1


class _Ticket:
    """One reply being decided, candidate by candidate."""

    def __init__(
        self, run: Run, material: RunMaterial, pool: Pool, changes: Changes, completion_id: int
    ) -> None:
        self._run = run
        self._material = material
        self._pool = pool
        self._changes = changes
        self._completion_id = completion_id
        self._dropped: list[Dropped] = []

    def admit(self, completion: Completion, shown: int) -> None:
        stage = generate_stage(self._material.profile)
        for item in stage.parse(completion, shown, self._material.options).items:
            if isinstance(item, Rejected):
                self._drop(item)
            elif self._passes(item.text):
                self._accept(item)
        self._changes.dropped += bounded(self._dropped)

    def _passes(self, text: str) -> bool:
        reason = first_broken(self._material.profile.rules, text)
        if reason is None and self._run.accepted >= self._material.options.target:
            reason = "surplus"
        neighbour = None
        if reason is None and (neighbour := self._pool.near_duplicate_of(text)):
            reason = "near_duplicate"
        if reason is not None:
            self._drop(Rejected(text, reason), neighbour)
        return reason is None

    def _accept(self, candidate: Candidate) -> None:
        sequence = self._run.accepted
        one_stage = self._material.profile.classify is None
        similarity = self._pool.similarity(candidate.text)
        self._changes.accepted.append(
            {
                "run_id": self._run.id,
                "sequence": sequence,
                "text": candidate.text,
                "completion_id": self._completion_id,
                "neighbours": similarity.neighbours,
                "mean_similarity": similarity.mean,
                "is_complete": False,
            }
        )
        self._pool.insert(candidate.text)
        self._run.accepted += 1
        if one_stage:
            # The reply holds its instances, too.
            came = ReadInstances(candidate.instances)
            read = screened(candidate.text, came, filters_of(self._material.options))
            self._dropped += [
                Dropped(Stage.INSTANTIATE, rejected, self._completion_id, sequence=sequence)
                for rejected in read.rejected
            ]
            self._changes.made.append(Made(sequence, self._completion_id, read.kept))
            self._changes.complete.append(sequence)
        elif self._run.classification_bias is not None:
            self._changes.planned += plan_classification([sequence])

    def _drop(self, rejected: Rejected, neighbour: PoolNeighbour | None = None) -> None:
        self._dropped.append(
            Dropped(Stage.GENERATE, rejected, self._completion_id, neighbour=neighbour)
        )
