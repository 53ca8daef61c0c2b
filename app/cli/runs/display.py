"""Runs and their rows on a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from app.cli.output import clean
from app.cli.runs.export import Rows
from app.cli.watch.display import View
from app.schemas.runs import Funnel, RunEstimate, RunView, StageEstimate
from app.states import WaitKind

SHOWN_ROWS = 3
_WAITS = {
    WaitKind.OUTAGE: "waiting for the endpoint, which is down",
    WaitKind.THROTTLE: "waiting for the endpoint, which throttles",
    WaitKind.LOADING: "waiting for the endpoint, which is loading the model",
    WaitKind.DISK: "waiting for space on the disk of the database",
}
_SHOWN_CHARACTERS = 300
"""Longer fields of a row are cut."""


def run_view(run: RunView) -> View:
    """Return the view of a run that is being watched."""
    kind = None if run.waiting is None else run.waiting.kind
    state = (run.status, run.stage, kind, len(run.set_aside))
    return View(run_headline(run), run_line(run), state, run_progress(run))


def run_headline(run: RunView) -> str:
    """Return id, profile and model of a run in one line."""
    return clean(f"run {run.id} · profile {run.profile} · model {run.model}")


def run_line(run: RunView) -> str:
    """Return the progress of a run in one line, for a log."""
    what, done = _done(run)
    line = f"{_state(run)}: {done}/{run.progress.target} {what}, {_rates(run)}"
    return "; ".join([line, *_troubles(run)])


def _troubles(run: RunView) -> list[str]:
    """Return what a run waits for, and the endpoints that it no longer asks."""
    wait = _wait(run)
    aside = [clean(f"endpoint {one.endpoint} is set aside: {one.message}") for one in run.set_aside]
    return aside if wait is None else [wait, *aside]


def _wait(run: RunView) -> str | None:
    """Return what a run waits for; None while it gets answers."""
    if run.waiting is None:
        return None
    why = _WAITS[run.waiting.kind]
    return clean(f"{why} since {run.waiting.since:%H:%M:%S} UTC: {run.waiting.message}")


def _done(run: RunView) -> tuple[str, int]:
    """Return the unit of the target of a run, and how much of it is done."""
    if run.dataset_id is None:
        return "accepted", run.progress.accepted
    return "reviewed", run.progress.complete


def run_progress(run: RunView) -> RenderableType:
    """Return the progress of a run: a bar, the rates, and the calls by stage."""
    progress = run.progress
    what, done = _done(run)
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text(what),
        ProgressBar(total=max(progress.target, 1), completed=done, width=40),
        Text(f"{done}/{progress.target}", style="bold"),
        Text(_time_left(run)),
    )
    parts: list[RenderableType] = [
        Text(f"{run_headline(run)} · {_state(run)}", style="bold"),
        bar,
        Text(_rates(run)),
    ]
    parts += [Text(trouble, style="yellow") for trouble in _troubles(run)]
    if run.stages:
        parts.append(_stage_table(run))
    return Group(*parts)


def run_details(run: RunView) -> RenderableType:
    """Return progress, cost, message and counts of a run."""
    parts: list[RenderableType] = [run_progress(run), Text(_spent(run)), usage_table(run)]
    if run.message:
        parts.append(Text(clean(run.message), style="yellow"))
    table = funnel_table(run.funnel) if run.dataset_id is None else review_table(run.funnel)
    return Group(*parts, Text(), table)


def _spent(run: RunView) -> str:
    spent = f"tokens {run.tokens.prompt:,} in, {run.tokens.completion:,} out"
    share = run.usage.cache_hit_share
    if share:
        spent += f" · {share:.0%} of the input cached"
    if run.cost_usd is not None:
        spent += f" · cost ${run.cost_usd}"
    estimated = run.usage.estimated_calls
    if estimated:
        spent += f" · the endpoint left out the tokens of {estimated:,} calls: they are estimated"
    return spent


def usage_table(run: RunView) -> Table:
    """Return the tokens and the cost of a run, by stage."""
    table = Table("stage", box=None, pad_edge=False)
    for column in ("calls", "tokens in", "cached", "tokens out", "cost"):
        table.add_column(column, justify="right")
    for stage, usage in run.usage_by_stage.items():
        numbers = [f"{n:,}" for n in (usage.calls, usage.prompt_tokens)]
        cost = "" if usage.cost_usd is None else f"${usage.cost_usd}"
        cached = f"{usage.cache_hit_share or 0:.0%}"
        table.add_row(Text(stage), *numbers, cached, f"{usage.completion_tokens:,}", cost)
    return table


def run_table(runs: Iterable[RunView]) -> Table:
    """Return a table of runs, one a line."""
    table = Table("id", "status", "done", "profile", "model", "created", box=None)
    for column in table.columns:
        # A cut id is useless; a long model name may be cut.
        column.no_wrap = column.header != "model"
    for run in runs:
        created = f"{run.created_at:%Y-%m-%d %H:%M}"
        what, done = _done(run)
        progress = f"{done}/{run.progress.target} {what}"
        table.add_row(run.id, _state(run), progress, run.profile, Text(clean(run.model)), created)
    return table


def review_table(funnel: Funnel) -> Table:
    """Return the counts of a run that reviews the rows of a data set."""
    lines = [("model calls", funnel.asked)]
    lines += [(f"  {reason} replies", n) for reason, n in funnel.instances_rejected.items()]
    lines.append(("rows reviewed", funnel.parsed))
    lines += _reasons(funnel.rejected)
    lines.append(("rows kept", funnel.instances))
    return _counts(lines)


def funnel_table(funnel: Funnel) -> Table:
    """Return the counts of a run that grows seeds."""
    lines = [("model calls", funnel.asked), ("candidates read", funnel.parsed)]
    lines += _reasons(funnel.rejected)
    lines.append(("accepted instructions", funnel.accepted))
    kinds = {
        "classification": funnel.classification,
        "not classification": funnel.not_classification,
        "unknown": funnel.unknown,
    }
    lines += [(f"  {kind}", count) for kind, count in kinds.items() if count]
    lines.append(("instances", funnel.instances))
    lines += _reasons(funnel.instances_rejected)
    return _counts(lines)


def _counts(lines: Iterable[tuple[str, int]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for label, count in lines:
        table.add_row(Text(clean(label)), f"{count:,}")
    return table


def _reasons(rejected: Mapping[str, int]) -> list[tuple[str, int]]:
    most_first = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    return [(f"  rejected: {reason}", count) for reason, count in most_first]


def estimate_table(estimate: RunEstimate) -> Table:
    """Return the expected calls and tokens, by stage."""
    table = Table("stage", box=None, pad_edge=False)
    for column in ("calls", "prompt tokens", "completion tokens"):
        table.add_column(column, justify="right")
    lines: list[tuple[str, StageEstimate | RunEstimate]] = [*estimate.stages.items()]
    for name, each in [*lines, ("total", estimate)]:
        numbers = (each.calls, each.prompt_tokens, each.completion_tokens)
        table.add_row(Text(name), *[f"{number:,}" for number in numbers])
    return table


def shown_rows(rows: Rows) -> Rows:
    """Return the first rows, each with a different instruction."""
    first_of: dict[str, dict[str, str]] = {}
    for row in rows:
        first_of.setdefault(row["instruction"], row)
    return list(first_of.values())[:SHOWN_ROWS]


def row_table(row: Mapping[str, str]) -> RenderableType:
    """Return one row of a data set, a line for each field."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, text in row.items():
        shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
        table.add_row(Text(name), Text(clean(shown)))
    return table


def _state(run: RunView) -> str:
    if run.target_met:
        return run.status
    inside = run.end_reason if run.ended or run.status == "paused" else run.stage
    return f"{run.status} ({inside})" if inside and str(inside) != run.status else run.status


def _rates(run: RunView) -> str:
    progress = run.progress
    rate = progress.acceptance_rate
    speed = progress.tokens_per_s
    share = "?" if rate is None else f"{rate:.0%}"
    if run.dataset_id is not None:
        parts = [f"{progress.instances} rows kept ({share})"]
    else:
        parts = [
            f"{progress.complete} complete",
            f"acceptance rate {share}",
            f"{progress.instances} instances",
        ]
    if not run.ended:
        parts += [
            f"{progress.calls_in_air} calls in flight",
            ("?" if speed is None else f"{speed:.0f}") + " tokens/s",
        ]
    return " · ".join(parts)


def _time_left(run: RunView) -> str:
    left_s = run.progress.time_left_s
    if left_s is None or run.ended:
        return ""
    minutes, seconds = divmod(round(left_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"about {hours} h {minutes} min left"
    return f"about {minutes} min {seconds} s left" if minutes else f"about {seconds} s left"


def _stage_table(run: RunView) -> Table:
    table = Table("stage", box=None, pad_edge=False)
    for column in ("waiting", "in flight", "done", "failed"):
        table.add_column(column, justify="right")
    for name, count in run.stages.items():
        numbers = (count.open, count.in_air, count.done, count.dead)
        table.add_row(Text(name), *[f"{number:,}" for number in numbers])
    return table
