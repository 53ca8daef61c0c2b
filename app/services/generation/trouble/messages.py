"""The messages of a run that pauses or ends: what happened, in numbers and in quotes, and a way on.

Every advice names a command that can be used on this run, as it is.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.pipeline import planner
from app.pipeline.types import Stage
from app.services.model_calls.streaks import Streak
from app.store.runs.source import Growing, source_of
from app.store.tables.runs import Run
from app.store.work import instructions, item_counts

_LONGEST_QUOTE = 160
_LARGE_SHARE = 0.2
_FEW = 3
"""Fewer of a kind are not worth a sentence."""


class _Found(NamedTuple):
    """Counts of a run's rejections and given up calls, by what they say about its replies."""

    reasons: Sequence[tuple[str, str, int]]
    """Stage, reason and number of rejections."""
    given_up: Sequence[tuple[str, str, int]]
    """Stage, last trouble and number of calls given up, the most frequent first."""

    def unreadable(self, stage: Stage) -> int:
        return sum(n for at, reason, n in self.reasons if at == stage and reason == "unreadable")


def command(run_id: str, action: str, *options: str) -> str:
    """Return a command on a run, as it can be typed."""
    return f"`{' '.join(('seedbed', action, run_id, *options))}`"


def to_resume(run_id: str) -> str:
    """Return how to resume a run, as it is or with another model."""
    return (
        f"Then resume the run: {command(run_id, 'resume')}; with --model MODEL it asks another"
        " model, with --set sampling.STAGE.NAME=VALUE it asks with other parameters."
    )


def without_batches(run_id: str) -> str:
    """Return how to go on without the Batch API."""
    return f"{command(run_id, 'stop-batches')} lets it send the rest as normal calls."


def to_extend(run_id: str, cap: str) -> str:
    """Return how to go on after a cap was reached.

    Args:
        run_id: the run.
        cap: the cap in words, as `Caps.broken_by` gives it.
    """
    kinds = (("$", "--max-cost USD"), ("tokens", "--max-tokens TOKENS"))
    option = next((option for mark, option in kinds if mark in cap), "--max-calls CALLS")
    return (
        f"Extend the budget, and the run goes on: {command(run_id, 'extend', option)}."
        f" {command(run_id, 'export')} writes the rows made so far."
    )


def refused_in_a_row(run: Run, stage: Stage, streak: Streak) -> str:
    """Explain a pause because of many refusals in a row."""
    return (
        f"The endpoint refused {streak.all_calls} calls in a row ({stage}). {streak.words}"
        f" Nothing is lost: {command(run.id, 'resume')} asks again what was refused."
        f" {_changes(run.id, stage)}"
    )


def refused_at_the_end(session: Session, run: Run) -> str:
    """Explain a pause in place of an end, because calls were refused that the run needs."""
    refused = item_counts.refused(session, run.id)
    count = sum(n for _, _, n in refused)
    stage, words, most = refused[0]
    growing = isinstance(source_of(run), Growing)
    what = "accepted instructions have no instances" if growing else "rows are not reviewed"
    quote = f"{words}" if most == count else f"Most often ({most}): {words}"
    return (
        f"All else is done, but {count} {what}: the endpoint refused their calls. {quote}"
        f" {command(run.id, 'resume')} asks them again. {_changes(run.id, Stage(stage))}"
        f" {command(run.id, 'resume', '--give-up-refused')} ends the run without them."
    )


def _changes(run_id: str, stage: Stage) -> str:
    name = _SAMPLING.get(stage)
    setting = f"--set sampling.{name}.max_tokens=200" if name else "--set PATH=VALUE"
    changed = command(run_id, "resume", "--model", "MODEL")
    return f"{changed} asks another model; {setting} changes an option."


_SAMPLING = {
    Stage.GENERATE: "generate",
    Stage.CALIBRATE: "classify",
    Stage.CLASSIFY: "classify",
    Stage.INSTANTIATE: "input_first",
    Stage.REVIEW: "review",
}


def dry(session: Session, run: Run, numbers: planner.Numbers) -> str:
    """Explain in numbers why a run that grows ended without its target."""
    found = _found(session, run)
    if numbers.accepted >= numbers.target:
        what = f"None of {numbers.accepted} accepted instructions got a usable instance."
    elif numbers.dry:
        what = f"The last {numbers.barren} replies brought no acceptable instruction."
    else:
        what = f"{numbers.accepted} of {numbers.target} instructions were accepted."
    counts = (
        f"Replies read: {numbers.admitted}; accepted: {numbers.accepted}; instances:"
        f" {run.instances}; rejected: {_reasons(found)}."
    )
    return _joined(what, counts, *_details(session, run, found), _way_on(run, found))


def useless(session: Session, run: Run) -> str:
    """Explain why a review ended without a single row that a reply decided."""
    found = _found(session, run)
    what = f"No reply about {run.complete} rows could be used. Rejected: {_reasons(found)}."
    advice = (
        f"{command(run.id, 'resume', '--model', 'MODEL')} goes on with another model; --set"
        " sampling.review.max_tokens=1024 allows longer answers."
    )
    return _joined(what, *_details(session, run, found), advice)


def succeeded(session: Session, run: Run) -> str | None:
    """Return what a person should know of a run that met its target; None: nothing special."""
    return _joined(*_details(session, run, _found(session, run))) or None


def _found(session: Session, run: Run) -> _Found:
    return _Found(
        instructions.count_by_reason(session, run.id), item_counts.given_up(session, run.id)
    )


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _reasons(found: _Found) -> str:
    return ", ".join(f"{n} {why} ({stage})" for stage, why, n in found.reasons[:8]) or "nothing"


def _details(session: Session, run: Run, found: _Found) -> list[str]:
    return [
        *_unreadable_details(session, run, found),
        _unknown_labels(session, run, found),
        _given_up(found),
    ]


def _unreadable_details(session: Session, run: Run, found: _Found) -> list[str]:
    asked: dict[str, int] = {}
    for stage, _, n in item_counts.counts(session, run.id):
        asked[stage] = asked.get(stage, 0) + n
    details = []
    for stage in (Stage.GENERATE, Stage.INSTANTIATE, Stage.REVIEW):
        count = found.unreadable(stage)
        if count >= _FEW and count >= _LARGE_SHARE * asked.get(stage, 0):
            text = instructions.latest_rejected(session, run.id, stage, "unreadable")
            details.append(
                f"{count} replies or parts of them ({stage}) could not be read; one of them:"
                f" {_quote(text)}."
            )
    return details


def _unknown_labels(session: Session, run: Run, found: _Found) -> str:
    classes = instructions.count_by_class(session, run.id)
    troubles = [(words, n) for stage, words, n in found.given_up if stage == Stage.CLASSIFY]
    unknown, accepted = sum(n for _, n in troubles), sum(classes.values())
    if unknown < _FEW or unknown < _LARGE_SHARE * accepted:
        return ""
    if found.unreadable(Stage.CLASSIFY):
        text = instructions.latest_rejected(session, run.id, Stage.CLASSIFY, "unreadable")
        why = f"one of its answers: {_quote(text)}"
    else:
        why = f"most often: {_quote(troubles[0][0])}"
    return (
        f"For {unknown} of {accepted} instructions the model did not say whether they are"
        f" classification tasks; {why}. They were treated as other tasks."
    )


def _given_up(found: _Found) -> str:
    # What could not be read has sentences of its own.
    refused = [(stage, words, n) for stage, words, n in found.given_up if stage != Stage.CLASSIFY]
    count = sum(n for _, _, n in refused)
    if not count:
        return ""
    stage, words, most = refused[0]
    often = "" if most == count else f", {most} of them because"
    return f"Calls given up: {count}{often} ({stage}): {words}"


def _way_on(run: Run, found: _Found) -> str:
    other_model = f"{command(run.id, 'resume', '--model', 'MODEL')} goes on with another model"
    unreadable = found.unreadable(Stage.GENERATE) + found.unreadable(Stage.INSTANTIATE)
    rejected = sum(n for _, _, n in found.reasons)
    if not rejected:
        return f"{other_model}; {command(run.id, 'resume')} asks the same one again."
    if unreadable >= rejected / 2 and run.profile != "default":
        return f"{other_model}."
    if unreadable >= rejected / 2:
        return f"{other_model}; --answer-format marked_text or json_schema changes the format."
    return (
        f"{other_model}; --set sampling.generate.temperature=1.2 gives more varied replies. More,"
        " or other, seed tasks need a new run."
    )


def _quote(text: str | None) -> str:
    line = " ".join((text or "").split())
    return f"“{line}”" if len(line) <= _LONGEST_QUOTE else f"“{line[:_LONGEST_QUOTE]} …”"
