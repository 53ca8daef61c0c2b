"""The books of a run: what it may take, what it has taken, and what counts as spent meanwhile.

A call is reserved at the most it can take before it is sent, and settled once its reply is stored.
A call whose end is not known is presumed spent at its most. So no cap is ever exceeded, unless an
endpoint bills more than a request allows: then all calls are reserved at the largest bill seen, and
only those in flight by then can exceed a cap. An event says by how much. The caller holds
the run's row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from app.llm.prices import max_tokens
from app.pipeline.budget import HEADROOM, NO_CAPS, NO_TOKENS, NOTHING, Amount, Caps, Tokens
from app.pipeline.types import Completion, Stage
from app.services.generation.trouble import messages
from app.services.model_calls.count_calls import count_answered
from app.states import EndReason, Status
from app.store.runs import runs, stage_usage
from app.store.runs.stage_usage import LargestBills, Paid
from app.store.tables.runs import Run
from app.store.work import item_counts, work_items
from app.store.work.completions import Reply


@dataclass(frozen=True, slots=True)
class Affordable:
    """Number of some calls that the caps allow to be sent now."""

    count: int
    broken_cap: str | None = None
    """The cap that the next call could exceed, in words; None: all may be sent."""
    is_final: bool = False
    """True when not even the first call fits and none is in flight that could free money."""


def caps_of(run: Run) -> Caps:
    """Return the most that a run may take."""
    return Caps(run.max_calls, run.max_tokens, run.max_cost_usd)


def presumed_spent(run: Run) -> Amount:
    """Return the most that the calls can have taken whose end is not known."""
    return Amount(run.presumed_spent_calls, run.presumed_spent_tokens, run.presumed_spent_usd)


def spent(run: Run) -> Amount:
    """Return what a run has taken, with the calls that are presumed spent."""
    tokens = run.prompt_tokens + run.completion_tokens
    return Amount(run.calls, tokens, run.cost_usd or NOTHING.usd) + presumed_spent(run)


def affordable(session: Session, run: Run, calls: Sequence[Amount]) -> Affordable:
    """Count the calls, in order, that the caps allow to be sent now.

    Args:
        session: of the transaction that holds the run's row.
        run: the run.
        calls: the most that each call can take.
    """
    caps = caps_of(run)
    if caps == NO_CAPS:
        return Affordable(len(calls))
    settled = spent(run)
    used = settled + item_counts.reserved(session, run.id)
    for count, most in enumerate(calls):
        broken = caps.broken_by(used + most)
        if broken is not None:
            return Affordable(count, broken, is_final=used == settled)
        used += most
    return Affordable(len(calls))


def pause_for_budget(session: Session, run: Run, cap: str) -> None:
    """Pause a run whose next call could exceed a cap."""
    used = spent(run)
    message = (
        f"The next call could go over the cap of {cap}. Spent so far: {used.calls:,} calls,"
        f" {used.tokens:,} tokens, ${used.usd:f}. {messages.to_extend(run.id, cap)}"
    )
    session.flush()
    runs.move(session, run.id, Status.PAUSED, reason=EndReason.BUDGET, message=message)


def record_replies(session: Session, run: Run, replies: Sequence[Reply]) -> None:
    """Add replies to what a run has taken; one that was used again cost nothing."""
    by_stage: dict[Stage, list[Paid]] = {}
    for reply in replies:
        if reply.reused_from is None:
            answered = reply.completion, reply.cost_usd
            count_answered(session, run.model, reply.endpoint or "", *answered)
            paid = Paid(reply.completion, reply.cost_usd, max_tokens(reply.request))
            by_stage.setdefault(reply.stage, []).append(paid)
    for stage, some in by_stage.items():
        _record(session, run, stage, some)


def record_stray_reply(
    session: Session,
    run: Run,
    stage: Stage,
    completion: Completion,
    cost_usd: Decimal | None,
    *,
    endpoint: str,
) -> None:
    """Add a paid reply that answers nothing that was asked."""
    count_answered(session, run.model, endpoint, completion, cost_usd)
    _record(session, run, stage, [Paid(completion, cost_usd)])


def _record(session: Session, run: Run, stage: Stage, paid: Sequence[Paid]) -> None:
    before = spent(run)
    run.calls += len(paid)
    run.prompt_tokens += sum(one.completion.prompt_tokens for one in paid)
    run.completion_tokens += sum(one.completion.completion_tokens for one in paid)
    costs = [one.cost_usd for one in paid if one.cost_usd is not None]
    if costs:
        run.cost_usd = sum(costs, run.cost_usd or NOTHING.usd)
    bills = stage_usage.largest_bills(session, run.id, run.model)
    stage_usage.add(session, run.id, run.model, stage, paid)
    if any(one.beyond != NO_TOKENS for one in paid):
        _report_larger_bills(session, run, stage, paid, bills.of(stage))
        _raise_reservations(session, run, bills, max(costs, default=NOTHING.usd))
    _report_passed_cap(session, run, before)


def _raise_reservations(
    session: Session, run: Run, before: LargestBills, cost_usd: Decimal
) -> None:
    """Let the calls in flight reserve as much more as calls sent from now on.

    Args:
        session: of the transaction that holds the run's row.
        run: the run.
        before: the largest bills that the calls in flight were reserved after.
        cost_usd: the cost of the largest bill now.
    """
    after = stage_usage.largest_bills(session, run.id, run.model)
    for stage in Stage:
        now = after.of(stage).with_headroom().total
        more = now - before.of(stage).with_headroom().total
        if more > 0:
            amount = Amount(tokens=more, usd=cost_usd * HEADROOM * more / now)
            work_items.raise_reserved(session, run.id, stage, amount)


def _report_larger_bills(
    session: Session, run: Run, stage: Stage, paid: Sequence[Paid], largest: Tokens
) -> None:
    """Append an event when calls were billed more than the largest bill so far lets expect."""
    reserved = largest.with_headroom()
    over = [one.tokens.over(one.most + reserved) for one in paid if one.most is not None]
    if not any(over):
        return
    for one in paid:
        largest = largest.joined(one.beyond)
    event = {
        "stage": stage,
        "model": run.model,
        "calls": sum(tokens > 0 for tokens in over),
        "over_tokens": sum(over),
        "largest_prompt_tokens": largest.prompt,
        "largest_completion_tokens": largest.completion,
    }
    runs.add_event(session, run.id, "billed_beyond_limit", event)


def _report_passed_cap(session: Session, run: Run, before: Amount) -> None:
    """Append an event when replies took more than a cap, which those before them had not."""
    caps, now = caps_of(run), spent(run)
    cap = caps.broken_by(now)
    if cap is None or not caps.allow(before):
        return
    over = now - Amount(caps.calls or now.calls, caps.tokens or now.tokens, caps.usd or now.usd)
    event = {
        "cap": cap,
        "over_calls": max(0, over.calls),
        "over_tokens": max(0, over.tokens),
        "over_usd": f"{max(NOTHING.usd, over.usd):f}",
    }
    runs.add_event(session, run.id, "cap_exceeded", event)


def presume_spent(run: Run, most: Amount) -> None:
    """Count calls whose end is not known at the most they can have taken."""
    run.presumed_spent_calls += most.calls
    run.presumed_spent_tokens += most.tokens
    run.presumed_spent_usd += most.usd


def take_back(run: Run, most: Amount) -> None:
    """Presume calls spent no more: their end is known after all."""
    presume_spent(run, Amount(-most.calls, -most.tokens, -most.usd))
