"""The service's books against the provider's: calls, tokens, money, and the times between."""

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from tests.faults.books import named
from tests.faults.cluster import PRICES_USD
from tests.faults.endpoint import Call


@dataclass(frozen=True, slots=True)
class Recorded:
    """A reply as the service has it in its books."""

    reply_id: str
    """The provider's."""
    prompt_tokens: int
    completion_tokens: int
    picodollars: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """Number of repeated calls, by the fate of the first answer."""

    in_flight: int
    """The caller had died before the endpoint answered: nobody can avoid these."""
    unrecorded: int
    """The endpoint answered a caller that lived; it died or was frozen before it recorded that."""
    late: int
    """Recorded by a worker that had been frozen, after another one was given the work."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.in_flight + self.unrecorded + self.late


def repeated(connection: Connection, run_id: str, log: Sequence[Call]) -> Repeated:
    """Count the calls that were made again, by the endpoint's log and the service's rows."""
    kept = {each.reply_id for each in recorded(connection, run_id)}
    missing = [call for call in log if call.reply_id not in kept]
    late = connection.execute(
        text("SELECT count(*) FROM completions WHERE run_id = :run AND is_spare"), {"run": run_id}
    ).scalar_one()
    answered = sum(call.delivered for call in missing)
    return Repeated(len(missing) - answered, answered, late)


def recorded(connection: Connection, run_id: str) -> list[Recorded]:
    """All replies of a run that were recorded."""
    rows = connection.execute(
        text(
            """SELECT reply_id, prompt_tokens, completion_tokens, cost_usd
               FROM completions WHERE run_id = :run"""
        ),
        {"run": run_id},
    )
    return [Recorded(*row) for row in rows]


def unbalanced(connection: Connection, run_id: str, log: Sequence[Call]) -> list[str]:
    """The service's books against the provider's: reply by reply, token by token, cent by cent."""
    own = recorded(connection, run_id)
    found = [*_not_in_the_log(own, log), *_not_presumed_spent(connection, run_id, own, log)]
    price_in, price_out = (
        int(Decimal(PRICES_USD[name]) * 10**6) for name in ("input_usd", "output_usd")
    )
    wrong = [
        (each.prompt_tokens, each.completion_tokens, each.picodollars)
        for each in own
        if each.picodollars != each.prompt_tokens * price_in + each.completion_tokens * price_out
    ]
    return found + named("a reply with a wrong price", wrong)


def _not_in_the_log(own: Sequence[Recorded], log: Sequence[Call]) -> list[str]:
    """Every recorded reply is one that was sent, and none is two."""

    def key(each: Recorded | Call) -> tuple[str, int, int]:
        return each.reply_id, each.prompt_tokens, each.completion_tokens

    surplus = Counter(map(key, own)) - Counter(map(key, log))
    return named("a recorded reply that the endpoint did not send", list(surplus.items()))


def _not_presumed_spent(
    connection: Connection, run_id: str, own: Sequence[Recorded], log: Sequence[Call]
) -> list[str]:
    """What the endpoint answered and nobody recorded was written off, at no less than it took."""
    kept = {each.reply_id for each in own}
    missing = [call for call in log if call.reply_id not in kept]
    calls, tokens = connection.execute(
        text("SELECT presumed_spent_calls, presumed_spent_tokens FROM runs WHERE id = :run"),
        {"run": run_id},
    ).one()
    taken = sum(call.prompt_tokens + call.completion_tokens for call in missing)
    if len(missing) <= calls and taken <= tokens:
        return []
    unrecorded = f"{len(missing)} calls of {taken} tokens that nobody recorded"
    return [f"{unrecorded}, {calls} of {tokens} tokens written off"]


def unlike_the_api(connection: Connection, run_id: str, reported: dict[str, Any]) -> list[str]:
    """Compare the figures that the API shows of a run with its rows."""
    own = recorded(connection, run_id)
    cost_usd = Decimal(sum(each.picodollars for each in own)) / 10**12
    pairs = {
        "calls": (reported["funnel"]["asked"], len(own)),
        "prompt tokens": (reported["tokens"]["prompt"], sum(each.prompt_tokens for each in own)),
        "completion tokens": (
            reported["tokens"]["completion"],
            sum(each.completion_tokens for each in own),
        ),
        "cost": (Decimal(str(reported["cost_usd"])), cost_usd),
    }
    wrong = [(what, said, is_) for what, (said, is_) in pairs.items() if said != is_]
    return named("a number of the API that the rows do not bear out", wrong)


def longest_silence_s(connection: Connection, run_id: str) -> float:
    """The longest time within the run in which no reply was recorded."""
    started, ended = connection.execute(
        text("SELECT started_at, ended_at FROM runs WHERE id = :run"), {"run": run_id}
    ).one()
    ended = ended or time.time()
    moments = connection.execute(
        text("SELECT created_at FROM completions WHERE run_id = :run ORDER BY created_at"),
        {"run": run_id},
    ).scalars()
    return max(_gaps([started, *(each for each in moments if each > started), ended]))


def _gaps(moments: Sequence[float]) -> Iterator[float]:
    yield from (later - earlier for earlier, later in itertools.pairwise(moments))
