"""The stages of a run, as a table: what a run does with the work items of each stage.

A stage is one row of `STAGES`. Its priority and whether it can go by batch stand beside its name,
in `app.pipeline.types.Stage`; its prompt and its parser in `app.pipeline`, chosen by the profile.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from app.dataset_row import Record
from app.pipeline.calibration import bias_of
from app.pipeline.demonstrations import Demonstration
from app.pipeline.profiles import filters_of, generate_stage, mix_of, review_stage
from app.pipeline.shapes import Asking, ClassifyStage
from app.pipeline.types import (
    Capabilities,
    ChatPrompt,
    Instance,
    Rejected,
    Request,
    SeedTask,
    Stage,
)
from app.services.generation.work.estimate_plan import (
    GrowingPlan,
    Guess,
    Plan,
    ReviewingPlan,
)
from app.services.generation.work.item_call import ItemCall
from app.services.generation.work.material import RunMaterial
from app.services.generation.work.pending_changes import Changes, Reviewed
from app.services.generation.work.plan_work import plan_classification
from app.services.generation.work.run_filters import screened
from app.services.model_calls.streaks import Streaks
from app.states import ItemState
from app.store.runs import runs
from app.store.tables.runs import Run
from app.store.work import completions, item_counts, work_items
from app.store.work.completions import Kept
from app.store.work.instructions import Accepted, Dropped, Label, Made, bounded
from app.store.work.work_items import Item, Planned, Settled

_BYTES_PER_TOKEN = 4
_TOKENS_PER_TASK = 25
_TOKENS_PER_INSTANCE = 60
_TOKENS_PER_VERDICT = 80
_TOKENS_PER_LABEL = 3


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows that work items speak of, by sequence number or position."""

    instructions: Mapping[int, Accepted] = field(default_factory=dict)
    rows: Mapping[int, Record] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """A transaction that records replies and holds the run's row."""

    session: Session
    run: Run
    material: RunMaterial
    changes: Changes
    """Gathered here, and written with one statement for each kind."""
    streaks: Streaks = field(default_factory=Streaks)
    """The calls in a row that the endpoint refused."""


@dataclass(frozen=True, slots=True)
class StageWork:
    """One row of the table: what a run does with the work items of a stage."""

    build: Callable[[Item, RunMaterial, Asking, Loaded], Request]
    """Build the request of an item."""
    read: Callable[[Recording, ItemCall, Kept], str | None]
    """Record a reply; returns what is wrong with one that has to be asked for again."""
    give_up: Callable[[Recording, Item, str], None]
    """Record that an item gets no usable reply, with the reason."""
    estimate: Callable[[Plan, float], Guess | None]
    """Guess the calls, given the accepted instructions per generation call; None when the run has
    no such stage."""
    is_about_instruction: bool = False
    """The item's ordinal is the sequence number of an accepted instruction, which is loaded."""
    waits_when_refused: bool = True
    """An item that the endpoint refuses in all its attempts waits until the run is resumed, while
    others go on. False: others wait for it, so it is given up once others are answered."""


def classify_stage(material: RunMaterial) -> ClassifyStage:
    """Return the profile's classification stage.

    Raises:
        ValueError: when it has none; items of that stage exist only where it has one.
    """
    if material.profile.classify is None:
        raise ValueError(f"the profile {material.profile.name} has no classification stage")
    return material.profile.classify


# Generation: replies are stored here, and admitted in order elsewhere (`admission`).


def _build_generate(item: Item, material: RunMaterial, asking: Asking, loaded: Loaded) -> Request:
    shown = [
        _demonstration(drawn, material.seeds, loaded.instructions)
        for drawn in item.subject["demonstrations"]
    ]
    return generate_stage(material.profile).build_request(shown, asking)


def _demonstration(
    drawn: dict[str, Any], seeds: Sequence[SeedTask], accepted: Mapping[int, Accepted]
) -> Demonstration:
    if drawn["origin"] == "machine":
        row = accepted[drawn["position"]]
        return Demonstration(row.text, is_classification=row.is_classification)
    seed = seeds[drawn["position"]]
    return Demonstration(seed.instruction, seed.instances[0], seed.is_classification)


def _read_generate(recording: Recording, asked: ItemCall, kept: Kept) -> None:
    recording.changes.settled.append(Settled(asked.item.id, ItemState.ANSWERED, kept.id))


def _give_up_generate(_: Recording, __: Item, ___: str) -> None:
    # A dead ticket is admitted like one whose reply held nothing.
    return


def _estimate_generate(plan: Plan, accepted_per_call: float) -> Guess | None:
    if not isinstance(plan, GrowingPlan):
        return None
    profile, options = plan.profile, plan.options
    mix = mix_of(profile, options)
    shown = [
        Demonstration(seed.instruction, seed.instances[0], seed.is_classification)
        for seed in plan.seeds[: mix.seeds + mix.machine_made]
    ]
    request = generate_stage(profile).build_request(shown, Asking(options, Capabilities()))
    tasks, per_task = float(options.tasks_per_request), _TOKENS_PER_TASK
    if profile.classify is None:
        # Instances come with the instructions.
        tasks, per_task = 2 * profile.usual_yield, _TOKENS_PER_TASK + _TOKENS_PER_INSTANCE
    calls = math.ceil(plan.missing / accepted_per_call) if plan.missing else 0
    return Guess(calls, _tokens_of(request), tasks * per_task)


# Calibration: the classification question about nothing, asked before any other.


def _build_calibrate(item: Item, material: RunMaterial, asking: Asking, _: Loaded) -> Request:
    nothing = item.subject["instruction"]
    return classify_stage(material).build_request(nothing, asking, item.attempts)


def _read_calibrate(recording: Recording, asked: ItemCall, kept: Kept) -> None:
    settled = [Settled(asked.item.id, ItemState.DONE, kept.id)]
    work_items.settle(recording.session, settled)
    _calibrate(recording)


def _give_up_calibrate(recording: Recording, _: Item, __: str) -> None:
    _calibrate(recording)


def _calibrate(recording: Recording) -> None:
    """Set the bias to the mean margin for nothing, once all is asked; then plan classification."""
    session, run = recording.session, recording.run
    if item_counts.any_unfinished(session, run.id, Stage.CALIBRATE):
        return
    parse, options = classify_stage(recording.material).parse, recording.material.options
    # Before the run was resumed, another model may have been asked, or with other further fields:
    # its bias is another one.
    further = recording.material.extra_body
    replies = completions.of_stage(session, run.id, Stage.CALIBRATE, run.model, further)
    margins = [m for reply in replies if (m := parse(reply, None, options).confidence) is not None]
    run.classification_bias = bias_of(margins)
    runs.add_event(session, run.id, "calibrated", {"bias": run.classification_bias})
    planned = item_counts.ordinals_of_stage(session, run.id, Stage.CLASSIFY)
    missing = (sequence for sequence in range(run.accepted) if sequence not in planned)
    work_items.plan(session, run, plan_classification(missing))


def _estimate_calibrate(plan: Plan, _: float) -> Guess | None:
    guess = _estimate_classify(plan, _)
    return None if guess is None else guess._replace(calls=len(plan.profile.calibration))


# Classification: its label decides whether instances are asked input-first or output-first.


def _build_classify(item: Item, material: RunMaterial, asking: Asking, loaded: Loaded) -> Request:
    text = loaded.instructions[item.ordinal].text
    return classify_stage(material).build_request(text, asking, item.attempts)


def _read_classify(recording: Recording, asked: ItemCall, kept: Kept) -> str | None:
    item, changes = asked.item, recording.changes
    bias = recording.run.classification_bias
    options = recording.material.options
    read = classify_stage(recording.material).parse(kept.completion, bias, options)
    if read.is_classification is None:
        rejected = Rejected(kept.completion.text, "unreadable")
        changes.dropped.append(Dropped(Stage.CLASSIFY, rejected, kept.id, sequence=item.ordinal))
        return "neither yes nor no"
    changes.labels.append(Label(item.ordinal, read.is_classification, read.confidence, kept.id))
    changes.settled.append(Settled(item.id, ItemState.DONE, kept.id))
    changes.planned.append(Planned(Stage.INSTANTIATE, item.ordinal, {}))
    return None


def _give_up_classify(recording: Recording, item: Item, _: str) -> None:
    if recording.material.profile.unknown_is_no:
        recording.changes.labels.append(Label(item.ordinal, is_classification=False))
    recording.changes.planned.append(Planned(Stage.INSTANTIATE, item.ordinal, {}))


def _estimate_classify(plan: Plan, _: float) -> Guess | None:
    classify = plan.profile.classify
    if not isinstance(plan, GrowingPlan) or classify is None:
        return None
    asking = Asking(plan.options, Capabilities())
    request = classify.build_request(plan.seeds[0].instruction, asking, 0)
    return Guess(plan.missing + plan.unfinished, _tokens_of(request), _TOKENS_PER_LABEL)


# Instances: one reply brings all rows of an instruction.


def _build_instantiate(
    item: Item, material: RunMaterial, asking: Asking, loaded: Loaded
) -> Request:
    row = loaded.instructions[item.ordinal]
    stage = material.profile.instantiate(row.is_classification)
    return stage.build_request(row.text, asking)


def _read_instantiate(recording: Recording, asked: ItemCall, kept: Kept) -> None:
    item, about, changes = asked.item, asked.about, recording.changes
    if about is None:
        raise ValueError("an item of the instance stage is about an instruction")
    options = recording.material.options
    stage = recording.material.profile.instantiate(about.is_classification)
    read = screened(
        about.text, stage.parse(kept.completion, about.text, options), filters_of(options)
    )
    dropped = [
        Dropped(Stage.INSTANTIATE, rejected, kept.id, sequence=item.ordinal)
        for rejected in read.rejected
    ]
    changes.dropped.extend(bounded(dropped))
    changes.made.append(Made(item.ordinal, kept.id, read.kept))
    changes.complete.append(item.ordinal)
    changes.settled.append(Settled(item.id, ItemState.DONE, kept.id))


def _give_up_instantiate(recording: Recording, item: Item, _: str) -> None:
    recording.changes.complete.append(item.ordinal)


def _estimate_instantiate(plan: Plan, _: float) -> Guess | None:
    if not isinstance(plan, GrowingPlan) or plan.profile.classify is None:
        return None
    stage = plan.profile.instantiate(is_classification=False)
    asking = Asking(plan.options, Capabilities())
    request = stage.build_request(plan.seeds[0].instruction, asking)
    written = plan.options.most_instances * _TOKENS_PER_INSTANCE
    return Guess(plan.missing + plan.unfinished, _tokens_of(request), written)


# Review: rows do not depend on each other, so each is decided when its reply comes. In the end each
# stands in its own place.


def _build_review(item: Item, material: RunMaterial, asking: Asking, loaded: Loaded) -> Request:
    row = loaded.rows[item.ordinal]
    return review_stage(material.profile).build_request(row, asking, item.attempts)


def _read_review(recording: Recording, asked: ItemCall, kept: Kept) -> str | None:
    item, row, changes = asked.item, asked.row, recording.changes
    if row is None:
        raise ValueError("an item of a review is about a row")
    material = recording.material
    read = review_stage(material.profile).parse(kept.completion, row, material.options)
    if read.rejected is not None:
        drop = Dropped(Stage.REVIEW, read.rejected, kept.id, sequence=item.ordinal)
        changes.dropped.append(drop)
    if not read.is_readable:
        return "it says nothing of the row"
    if read.output is not None:
        changes.made.append(Made(item.ordinal, kept.id, [Instance(row.input, read.output)]))
    changes.settled.append(Settled(item.id, ItemState.DONE, kept.id))
    changes.reviewed.append(Reviewed(stays=read.output is not None))
    return None


def _give_up_review(recording: Recording, item: Item, trouble: str) -> None:
    # A row that was never reviewed does not stay.
    rejected = Rejected(trouble, review_stage(recording.material.profile).given_up)
    dropped = Dropped(Stage.REVIEW, rejected, None, sequence=item.ordinal)
    recording.changes.dropped.append(dropped)
    recording.changes.reviewed.append(Reviewed(stays=False, was_decided=False))


def _estimate_review(plan: Plan, _: float) -> Guess | None:
    if not isinstance(plan, ReviewingPlan):
        return None
    asking = Asking(plan.options, Capabilities())
    build = review_stage(plan.profile).build_request
    read = [_tokens_of(build(record, asking, 0)) for record in plan.rows]
    answers = [len(record.output.encode()) / _BYTES_PER_TOKEN for record in plan.rows]
    is_judge = plan.profile.name == "judge"
    written = _TOKENS_PER_VERDICT if is_judge else sum(answers) / len(answers)
    return Guess(plan.missing, sum(read) / len(read), written, prompt_is_measured=True)


def _tokens_of(request: Request) -> float:
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        return sum(len(turn.content.encode()) for turn in prompt.messages) / _BYTES_PER_TOKEN
    return len(prompt.text.encode()) / _BYTES_PER_TOKEN


STAGES: Mapping[Stage, StageWork] = {
    Stage.GENERATE: StageWork(
        build=_build_generate,
        read=_read_generate,
        give_up=_give_up_generate,
        estimate=_estimate_generate,
        waits_when_refused=False,
    ),
    Stage.CALIBRATE: StageWork(
        build=_build_calibrate,
        read=_read_calibrate,
        give_up=_give_up_calibrate,
        estimate=_estimate_calibrate,
        waits_when_refused=False,
    ),
    Stage.CLASSIFY: StageWork(
        build=_build_classify,
        read=_read_classify,
        give_up=_give_up_classify,
        estimate=_estimate_classify,
        is_about_instruction=True,
    ),
    Stage.INSTANTIATE: StageWork(
        build=_build_instantiate,
        read=_read_instantiate,
        give_up=_give_up_instantiate,
        estimate=_estimate_instantiate,
        is_about_instruction=True,
    ),
    Stage.REVIEW: StageWork(
        build=_build_review,
        read=_read_review,
        give_up=_give_up_review,
        estimate=_estimate_review,
    ),
}
"""Every stage that has work items; the preflight has none."""
