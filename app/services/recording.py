"""What a batch of replies changes, in one transaction: kept, read, decided, and the next planned.

The caller holds the run's row and has shown that it still holds the pump.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.pipeline import planner
from app.pipeline.calibration import bias_of
from app.pipeline.run_state import EndReason, Status
from app.pipeline.types import Completion, Rejected, Stage
from app.services.admission import admit, numbers_of, plan_classification
from app.services.pool import Pool, RunMaterial
from app.services.requests import Asked, classify_stage
from app.store import completions, instructions, runs, work
from app.store.completions import Reply
from app.store.instructions import Dropped
from app.store.models import Run
from app.store.work import Item, Planned


@dataclass(frozen=True, slots=True)
class Answered:
    """A finished call: a completion, or the provider's words on why this item has none."""

    asked: Asked
    reply: Reply | str


class Recorder:
    """Records for one pump; `token` is its fence."""

    def __init__(self, material: RunMaterial, token: str) -> None:
        self._material = material
        self._token = token

    def record(self, session: Session, run: Run, answers: Sequence[Answered], pool: Pool) -> bool:
        """Record a batch; safe to repeat, an item that is no longer leased is passed over.

        Returns whether the run is over.
        """
        leased = work.still_leased(session, [a.asked.item.id for a in answers], self._token)
        answers = [a for a in answers if a.asked.item.id in leased]
        replies = [a.reply for a in answers if isinstance(a.reply, Reply)]
        ids = iter(completions.add(session, run.id, replies))
        for answer in answers:
            if isinstance(answer.reply, Reply):
                self._read(session, run, answer.asked.item, answer.reply.completion, next(ids))
            else:
                self._burn(session, run, answer.asked.item, answer.reply)
        admit(session, run, self._material, pool)
        return self._finish_if_over(session, run)

    def _read(
        self, session: Session, run: Run, item: Item, completion: Completion, completion_id: int
    ) -> None:
        match item.stage:
            case Stage.GENERATE:
                work.settle(session, item.id, self._token, "answered", completion_id=completion_id)
            case Stage.CALIBRATE:
                work.settle(session, item.id, self._token, "done", completion_id=completion_id)
                self._calibrate(session, run)
            case Stage.CLASSIFY:
                self._classify(session, run, item, completion, completion_id)
            case _:
                self._take_instances(session, run, item, completion, completion_id)

    def _classify(
        self, session: Session, run: Run, item: Item, completion: Completion, completion_id: int
    ) -> None:
        read = classify_stage(self._material).parse(completion, run.classification_bias)
        if read.is_classification is None:
            rejected = Rejected(completion.text, "unreadable")
            dropped = Dropped(Stage.CLASSIFY, rejected, completion_id, sequence=item.ordinal)
            instructions.reject(session, run.id, [dropped])
            self._burn(session, run, item, "neither yes nor no")
            return
        values = {
            "is_classification": read.is_classification,
            "confidence": read.confidence,
            "classified_by": completion_id,
        }
        instructions.label(session, run.id, item.ordinal, values)
        work.settle(session, item.id, self._token, "done", completion_id=completion_id)
        work.plan(session, run.id, [Planned(Stage.INSTANTIATE, item.ordinal, {})])

    def _take_instances(
        self, session: Session, run: Run, item: Item, completion: Completion, completion_id: int
    ) -> None:
        row = instructions.find(session, run.id, [item.ordinal])[item.ordinal]
        stage = self._material.profile.instantiate(row.is_classification)
        read = stage.parse(completion, row.text, self._material.options)
        dropped = [
            Dropped(Stage.INSTANTIATE, rejected, completion_id, sequence=item.ordinal)
            for rejected in read.rejected
        ]
        instructions.reject(session, run.id, dropped)
        instructions.add_instances(session, run.id, item.ordinal, completion_id, read.kept)
        instructions.complete(session, run.id, item.ordinal)
        work.settle(session, item.id, self._token, "done", completion_id=completion_id)

    def _calibrate(self, session: Session, run: Run) -> None:
        """Once all is asked: the mean margin for nothing is the bias, and sorting may begin."""
        if work.any_unfinished(session, run.id, Stage.CALIBRATE):
            return
        parse = classify_stage(self._material).parse
        replies = completions.of_stage(session, run.id, Stage.CALIBRATE)
        margins = [m for reply in replies if (m := parse(reply, None).confidence) is not None]
        run.classification_bias = bias_of(margins)
        runs.add_event(session, run.id, "calibrated", {"bias": run.classification_bias})
        plan_classification(session, run.id, list(range(run.accepted)))

    def _burn(self, session: Session, run: Run, item: Item, trouble: str) -> None:
        most = self._material.options.max_attempts
        if not work.burn_attempt(session, item, self._token, trouble, most):
            return
        runs.add_event(
            session,
            run.id,
            "given_up",
            {"stage": item.stage, "ordinal": item.ordinal, "trouble": trouble},
        )
        match item.stage:
            case Stage.CALIBRATE:
                self._calibrate(session, run)
            case Stage.CLASSIFY:
                if self._material.profile.unknown_is_no:
                    instructions.label(session, run.id, item.ordinal, {"is_classification": False})
                work.plan(session, run.id, [Planned(Stage.INSTANTIATE, item.ordinal, {})])
            case Stage.INSTANTIATE:
                instructions.complete(session, run.id, item.ordinal)
            case _:
                pass  # A dead ticket is admitted like one whose reply held nothing.

    def _finish_if_over(self, session: Session, run: Run) -> bool:
        session.flush()
        numbers = numbers_of(run, self._material)
        has_rows = instructions.has_instances(session, run.id)
        reason = planner.end_of(
            numbers, work_left=work.any_unfinished(session, run.id), has_rows=has_rows
        )
        if not has_rows and planner.no_row_comes(
            numbers,
            complete=instructions.count_complete(session, run.id) - run.complete_at_resume,
        ):
            reason = EndReason.DRY
        if reason is EndReason.TARGET_MET:
            runs.move(session, run.id, Status.SUCCEEDED, reason=reason)
        elif reason is not None:
            message = _dry_message(session, run, numbers)
            runs.move(session, run.id, Status.FAILED, reason=reason, message=message)
        return reason is not None


def _dry_message(session: Session, run: Run, numbers: planner.Numbers) -> str:
    """Say why nothing more is to be expected, in numbers."""
    instances = instructions.count_instances(session, run.id)
    by_reason = instructions.count_by_reason(session, run.id)
    reasons = ", ".join(f"{n} {reason} ({stage})" for stage, reason, n in by_reason[:8])
    if numbers.accepted >= numbers.target:
        what = f"None of {numbers.accepted} accepted instructions got a usable instance."
    elif numbers.dry:
        what = f"The last {numbers.barren} replies brought no acceptable instruction."
    else:
        what = f"{numbers.accepted} of {numbers.target} instructions were accepted."
    return (
        f"{what} Replies read: {numbers.admitted}; accepted: {numbers.accepted}; instances:"
        f" {instances}; rejected: {reasons or 'nothing'}. A stronger model, other seeds or a"
        " higher temperature may help."
    )
