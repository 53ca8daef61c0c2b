"""The books of a run: what it may take, what it has taken, and what counts as spent meanwhile.

A call is reserved at the most it can take before it is sent, and settled once its reply is stored.
A call whose end is not known is presumed spent at its most. So no cap is ever exceeded. The caller
holds the run's row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from app.pipeline.budget import NO_CAPS, NOTHING, Amount, Caps
from app.pipeline.types import Completion
from app.services.generation.trouble import messages
from app.states import EndReason, Status
from app.store.runs import runs
from app.store.tables.runs import Run
from app.store.work import work_items
from app.store.work.completions import Reply


@dataclass(frozen=True, slots=True)
class Affordable:
    """How many of some calls the caps allow to be sent now."""

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
    used = settled + work_items.reserved(session, run.id)
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


def record_replies(run: Run, replies: Sequence[Reply]) -> None:
    """Add replies to what a run has taken; one that was used again cost nothing."""
    paid = [reply for reply in replies if reply.reused_from is None]
    run.calls += len(paid)
    run.prompt_tokens += sum(reply.completion.prompt_tokens for reply in paid)
    run.completion_tokens += sum(reply.completion.completion_tokens for reply in paid)
    costs = [reply.cost_usd for reply in paid if reply.cost_usd is not None]
    if costs:
        run.cost_usd = sum(costs, run.cost_usd or NOTHING.usd)


def record_stray_reply(run: Run, completion: Completion, cost_usd: Decimal | None) -> None:
    """Add a paid reply that answers nothing that was asked."""
    run.calls += 1
    run.prompt_tokens += completion.prompt_tokens
    run.completion_tokens += completion.completion_tokens
    if cost_usd is not None:
        run.cost_usd = (run.cost_usd or NOTHING.usd) + cost_usd


def presume_spent(run: Run, most: Amount) -> None:
    """Count calls whose end is not known at the most they can have taken."""
    run.presumed_spent_calls += most.calls
    run.presumed_spent_tokens += most.tokens
    run.presumed_spent_usd += most.usd


def take_back(run: Run, most: Amount) -> None:
    """Presume calls spent no more: their end is known after all."""
    presume_spent(run, Amount(-most.calls, -most.tokens, -most.usd))
