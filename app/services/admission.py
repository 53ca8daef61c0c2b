"""Admission: replies of the generation stage become accepted or rejected instructions, in order.

The caller holds the run's row. Tickets are admitted strictly by number, and the tickets that this
makes room for are issued between them, so a run depends on its replies and never on their timing.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from app.pipeline import planner
from app.pipeline.demonstrations import draw_demonstrations
from app.pipeline.profiles import mix_of
from app.pipeline.screening import first_broken
from app.pipeline.types import Candidate, Completion, Rejected, Stage
from app.services.pool import Pool, RunMaterial
from app.store import completions, instructions, work
from app.store.instructions import Dropped
from app.store.models import Run
from app.store.work import Planned


def numbers_of(run: Run, material: RunMaterial) -> planner.Numbers:
    """Where the run stands, for the planner."""
    return planner.Numbers(
        target=material.options.target,
        accepted=run.accepted,
        issued=run.tickets_issued,
        admitted=run.tickets_admitted,
        barren=run.barren_tickets,
        lookahead=material.options.lookahead,
        dry_after=material.options.dry_after,
        usual_yield=material.profile.usual_yield,
    )


def issue_tickets(session: Session, run: Run, material: RunMaterial) -> None:
    """Plan the generation calls that the run has room for."""
    labels = [seed.is_classification for seed in material.seeds]
    mix = mix_of(material.profile, material.options)
    planned = []
    for _ in range(planner.tickets_to_issue(numbers_of(run, material))):
        drawn = draw_demonstrations(
            run.tickets_issued,
            random_seed=material.options.random_seed,
            seed_is_classification=labels,
            machine_made=run.accepted,
            mix=mix,
        )
        subject = {"demonstrations": [asdict(d) for d in drawn]}
        planned.append(Planned(Stage.GENERATE, run.tickets_issued, subject))
        run.tickets_issued += 1
    work.plan(session, run.id, planned)


def admit(session: Session, run: Run, material: RunMaterial, pool: Pool) -> None:
    """Admit every ticket whose turn has come and whose reply is in."""
    pool.catch_up(session)
    if run.accepted >= material.options.target:
        # Handed back after the target was met: needed no more.
        work.drop_open(session, run.id, Stage.GENERATE)
    while item := work.next_ticket(session, run.id, run.tickets_admitted):
        accepted_before = run.accepted
        if item.completion_id is not None:
            completion = completions.load(session, item.completion_id)
            _Ticket(session, run, material, pool, item.completion_id).admit(completion)
        item.state = "done" if item.state == "answered" else item.state
        run.tickets_admitted += 1
        run.barren_tickets = 0 if run.accepted > accepted_before else run.barren_tickets + 1
        if run.accepted >= material.options.target:
            work.drop_open(session, run.id, Stage.GENERATE)
        issue_tickets(session, run, material)


class _Ticket:
    """One reply being decided, candidate by candidate."""

    def __init__(
        self, session: Session, run: Run, material: RunMaterial, pool: Pool, completion_id: int
    ) -> None:
        self._session = session
        self._run = run
        self._material = material
        self._pool = pool
        self._completion_id = completion_id
        self._accepted: list[dict[str, Any]] = []
        self._dropped: list[Dropped] = []

    def admit(self, completion: Completion) -> None:
        accepted: list[tuple[int, Candidate]] = []
        for item in self._material.profile.generate.parse(completion).items:
            if isinstance(item, Rejected):
                self._drop(item)
            elif self._passes(item.text):
                accepted.append((self._run.accepted, item))
                self._accept(item)
        instructions.reject(self._session, self._run.id, self._dropped)
        instructions.add(self._session, self._accepted)
        self._follow_up(accepted)

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
        self._accepted.append(
            {
                "run_id": self._run.id,
                "sequence": self._run.accepted,
                "text": candidate.text,
                "completion_id": self._completion_id,
                "neighbours": self._pool.neighbours(candidate.text),
                "is_complete": self._material.profile.input_first is None,
            }
        )
        self._pool.insert(candidate.text)
        self._run.accepted += 1

    def _follow_up(self, accepted: list[tuple[int, Candidate]]) -> None:
        """Store instances that came along; plan the classification of the others."""
        if self._material.profile.classify is None:
            for sequence, candidate in accepted:
                instructions.add_instances(
                    self._session,
                    self._run.id,
                    sequence,
                    self._completion_id,
                    candidate.instances,
                )
        elif self._run.classification_bias is not None:
            plan_classification(self._session, self._run.id, [n for n, _ in accepted])

    def _drop(self, rejected: Rejected, neighbour: dict[str, Any] | None = None) -> None:
        self._dropped.append(
            Dropped(Stage.GENERATE, rejected, self._completion_id, neighbour=neighbour)
        )


def plan_classification(session: Session, run_id: str, sequences: list[int]) -> None:
    """Plan the question whether these instructions are classification tasks."""
    work.plan(session, run_id, [Planned(Stage.CLASSIFY, n, {}) for n in sequences])
