"""The state of the endpoints that all workers share, and which endpoint gets the next call.

Throttles and outages that one worker meets are recorded with its next transaction, and obeyed by
the others with theirs. Per-minute limits are kept in the database, for all workers together.
"""

import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from app.errors import Outage
from app.llm.parallel.calls import Calls, Endpoint
from app.pipeline.budget import Amount
from app.pipeline.types import Completion
from app.services.context import ServiceContext
from app.states import WaitKind
from app.store.runs.waiting import NOTICEABLE_S, Wait
from app.store.work import endpoint_states
from app.store.work.endpoint_states import State, Throttle, Used

_BURST_S = 1.0
"""Part of a per-minute limit that may be used at once."""
_EXPECTED_SHARE = 1 / 3
"""Share of the most a call can take that is charged until its answer says what it took."""
_FIRST_GUESS_TOKENS = 500.0
_SUSPICIOUS_S = 30.0
"""Outage after which the request of a failed probe is suspected; at most half of the patience."""
_MIN_HOLD_S = 0.05
"""Shorter holds are over before another worker has read of them."""
_STALE_S = 0.5
_LOADING = re.compile(r"\bloading\b|\bwarming up\b|\bstarting up\b", re.IGNORECASE)


def is_loading(words: str) -> bool:
    """Return True when an endpoint's words say that it is loading the model."""
    return bool(_LOADING.search(words))


@dataclass(slots=True)
class Report:
    """News of a worker about its endpoints since its last transaction."""

    away: dict[str, Outage] = field(default_factory=dict)
    """Endpoints that failed to answer, with the error."""
    answered: set[str] = field(default_factory=set)
    taken: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """For each answer: the most tokens it could take, and those it took."""
    unanswered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Numbers of calls without an answer, by endpoint and outcome, for monitoring."""
    answers: list[tuple[str, Completion]] = field(default_factory=list)
    """Answers that are not recorded elsewhere, with their endpoints, for monitoring."""


class Endpoints:
    """One worker's view; `states` is as of its last transaction."""

    def __init__(self, context: ServiceContext, calls: Calls, model: str) -> None:
        # By name, as their rows are locked.
        asked = [endpoint for endpoint in context.endpoints if endpoint.name in calls.lanes]
        self._all = sorted(asked, key=lambda endpoint: endpoint.name)
        self._lanes = calls.lanes
        self.set_aside: dict[str, str] = {}
        """Endpoints that refuse every call until a person acts, with their words, by name."""
        self._model = model
        self._probe_within_s = context.lease_s
        self._outage_patience_s = context.outage_patience_s
        self._throttle_patience_s = context.throttle_patience_s
        self._names = [endpoint.name for endpoint in self._all]
        self._limited = any(e.requests_per_minute or e.tokens_per_minute for e in self._all)
        self._probing: dict[str, float] = {}
        """Until when this worker may send the one call that probes an endpoint, by name."""
        self._reported: set[str] = set()
        self._known_until: dict[str, float] = {}
        """Until when all workers know that the endpoint throttles, by name."""
        self._read_at = 0.0
        self._usual_tokens = _FIRST_GUESS_TOKENS
        self.states: Mapping[str, State] = {}

    def blames(self, name: str, attempts: int) -> bool:
        """Return True when an outage counts as a failed attempt of the call that met it.

        The first call of an outage is blamed: its request may be what breaks the endpoint. A probe
        is not blamed, unless its request has failed before and the outage lasts: else one such
        request would keep the run waiting.
        """
        away_s = self._state(name).away_s
        suspicious_s = min(_SUSPICIOUS_S, self._outage_patience_s / 2)
        return away_s is None or (attempts > 0 and away_s > suspicious_s)

    @property
    def want_a_turn(self) -> bool:
        """Return True when a throttle is not shared yet, or others may know of a longer one."""
        stale = time.monotonic() - self._read_at > _STALE_S
        return any(
            self._is_news(name) or (stale and (lane.held_s > 0 or lane.refused_s is not None))
            for name, lane in self._lanes.items()
        )

    @property
    def any_away(self) -> bool:
        """Return True when some endpoint is away, so that a call may be a probe."""
        asked = (state for name, state in self.states.items() if name not in self.set_aside)
        return any(state.away_s is not None for state in asked)

    def exhausted(self) -> str | None:
        """Explain what is wrong once no endpoint can be used before a person acts; None before.

        Each refuses every call, has not answered for too long, or says that it will refuse calls
        for longer than that. All workers count this time together.
        """
        states = {name: self._state(name) for name in self._names if name not in self.set_aside}
        patience_s = self._outage_patience_s, self._throttle_patience_s
        troubles = {name: _trouble(state, *patience_s) for name, state in states.items()}
        found = {name: words for name, words in troubles.items() if words is not None}
        if len(found) < len(troubles):
            return None
        first = _first(states)
        waited_for = {} if first is None else {first: found[first]}
        return words_of({**waited_for, **self.set_aside})

    def wait(self) -> Wait | None:
        """Return why no endpoint answers now; None while one does, or does not for a moment."""
        waits = [self._wait(name) for name in self._names if name not in self.set_aside]
        known = [wait for wait in waits if wait is not None]
        return min(known, key=lambda wait: wait.for_s) if len(known) == len(waits) > 0 else None

    def _wait(self, name: str) -> Wait | None:
        state = self._state(name)
        if state.away_s is not None and max(state.away_s, state.down_for_s) >= NOTICEABLE_S:
            words = state.trouble or ""
            kind = WaitKind.LOADING if is_loading(words) else WaitKind.OUTAGE
            return Wait(kind, words, state.away_s)
        # A long wait is shown when it begins.
        throttled_s = state.throttled_s
        if throttled_s is not None and max(throttled_s, state.held_s) >= NOTICEABLE_S:
            return Wait(WaitKind.THROTTLE, state.throttle or "", throttled_s)
        return None

    def report(self, session: Session, report: Report) -> None:
        """Record what all others should obey, and read what they have recorded."""
        if not self.states:
            endpoint_states.add(session, self._names, self._model)
        if report.away or self.any_away:
            # Locked beforehand, in order, or two pumps could wait for each other.
            endpoint_states.states(session, self._names, self._model, lock=True)
        for endpoint in self._all:
            self._record(session, endpoint.name, report)
            self._correct(session, endpoint, report.taken.get(endpoint.name, ()))
        self._reported = report.away.keys() | report.answered
        self.states = endpoint_states.states(session, self._names, self._model, lock=self._limited)

    def _record(self, session: Session, name: str, report: Report) -> None:
        state, lane = self._state(name), self._lanes[name]
        silent = state.away_s is not None or state.throttled_s is not None
        if name in report.answered and silent:
            endpoint_states.record_up(session, name, self._model)
        elif name in report.away:
            outage = report.away[name]
            endpoint_states.record_down(
                session,
                name,
                self._model,
                str(outage),
                was_probe=name in self._probing,
                retry_after_s=outage.retry_after_s,
            )
        if self._is_news(name):
            throttle = Throttle(lane.held_s, lane.refused_s or 0.0, str(lane.last_throttle or ""))
            endpoint_states.record_throttled(session, name, self._model, throttle)

    def _is_news(self, name: str) -> bool:
        """Return True when the endpoint throttles us, and not all workers know it.

        They do not when the wait is longer than they know, or when nobody has recorded yet that it
        refuses all calls.
        """
        lane = self._lanes[name]
        known_s = self._known_until.get(name, 0.0) - time.monotonic()
        is_longer = lane.held_s > max(0.0, known_s) + _MIN_HOLD_S
        return is_longer or (lane.refused_s is not None and self._state(name).throttled_s is None)

    def obey(self) -> None:
        """After the commit: hold back calls here for as long as an endpoint throttles anyone."""
        for name in self._reported:
            self._probing.pop(name, None)
        self._read_at = time.monotonic()
        for name, state in self.states.items():
            self._known_until[name] = self._read_at + state.held_s
            if state.held_s > self._lanes[name].held_s + _MIN_HOLD_S:
                self._lanes[name].hold(state.held_s)

    def shares(self, session: Session, limit: int) -> dict[str, int]:
        """Return how many calls each endpoint takes now, at most `limit` together."""
        free = {e.name: n for e in self._all if (n := self._free(session, e)) > 0}
        lanes = self._lanes
        taken = {name: lanes[name].in_flight - lanes[name].set_aside for name in free}
        shares = dict.fromkeys(free, 0)
        weights = {endpoint.name: endpoint.weight for endpoint in self._all}
        for _ in range(min(limit, sum(free.values()))):
            # The one that is farthest below its share of the calls in flight.
            name = min(
                (name for name in free if shares[name] < free[name]),
                key=lambda name: (taken[name] + shares[name] + 1) / weights[name],
            )
            shares[name] += 1
        return shares

    def charge(self, session: Session, asked: Iterable[tuple[str, Amount]]) -> None:
        """Count calls that are sent now against the per-minute limits of their endpoints."""
        if not self._limited:
            return
        amounts = list(asked)
        for endpoint in self._all:
            mine = [amount for name, amount in amounts if name == endpoint.name]
            tokens = sum(amount.tokens for amount in mine) * _EXPECTED_SHARE
            if mine:
                used = _used(endpoint, len(mine), tokens)
                endpoint_states.charge(session, endpoint.name, self._model, used)

    def _state(self, name: str) -> State:
        return self.states.get(name, State())

    def _free(self, session: Session, endpoint: Endpoint) -> int:
        state, lane = self._state(endpoint.name), self._lanes[endpoint.name]
        if state.held_s > 0 or endpoint.name in self.set_aside:
            return 0
        if state.away_s is not None:
            return self._probe(session, endpoint.name, lane.in_flight)
        free = lane.capacity
        if endpoint.requests_per_minute:
            left_s = _BURST_S - state.requests_ahead_s
            free = min(free, math.floor(left_s * endpoint.requests_per_minute / 60))
        if endpoint.tokens_per_minute:
            left_s = _BURST_S - state.tokens_ahead_s
            left = left_s * endpoint.tokens_per_minute / 60
            free = min(free, math.ceil(left / self._usual_tokens))
        return free

    def _probe(self, session: Session, name: str, in_flight: int) -> int:
        if in_flight:
            return 0
        now = time.monotonic()
        # The probe may be ours already: taken by a commit whose answer was lost, or for a call that
        # could not be sent then.
        if now > self._probing.get(name, 0.0):
            within_s = self._probe_within_s
            if not endpoint_states.take_probe(session, name, self._model, within_s):
                return 0
            self._probing[name] = now + within_s
        return 1

    def _correct(
        self, session: Session, endpoint: Endpoint, taken: Sequence[tuple[int, int]]
    ) -> None:
        if not endpoint.tokens_per_minute or not taken:
            return
        usual = sum(actual for _, actual in taken) / len(taken)
        self._usual_tokens = max(1.0, (self._usual_tokens + usual) / 2)
        over = sum(actual - most * _EXPECTED_SHARE for most, actual in taken)
        endpoint_states.correct(session, endpoint.name, self._model, _used(endpoint, 0, over))


def _trouble(state: State, outage_s: float, throttle_s: float) -> str | None:
    """Say what is wrong with an endpoint; None while it is not wrong for long enough.

    Args:
        state: of the endpoint.
        outage_s: how long it must have been away.
        throttle_s: how long it must have refused all calls, or say that it will, also as one that
            is away.
    """
    if state.away_s is not None and state.down_for_s > throttle_s:
        return refuses_until(state.trouble or "", state.down_for_s)
    if state.away_s is not None and state.away_s >= outage_s:
        return f"The endpoint has been away for {state.away_s:.0f} s. {state.trouble}"
    if state.throttled_s is None:
        return None
    if state.held_s > throttle_s:
        return refuses_until(state.throttle or "", state.held_s)
    if state.throttled_s >= throttle_s:
        return f"The endpoint has refused all calls for {state.throttled_s:.0f} s. {state.throttle}"
    return None


def refuses_until(words: str, hold_s: float) -> str:
    """Return the provider's words, and the time at which calls may be sent again."""
    until = datetime.now(UTC) + timedelta(seconds=hold_s)
    return f"{words} It refuses calls until {until:%Y-%m-%d %H:%M} UTC."


def _first(states: Mapping[str, State]) -> str | None:
    """Return the name of the endpoint that may be asked first; None: there is none."""

    def wait_of(name: str) -> tuple[float, float]:
        return states[name].held_s, states[name].away_s or 0.0

    return min(states, key=wait_of, default=None)


def words_of(troubles: Mapping[str, str]) -> str:
    """Return the words of one or several endpoints, by name; what all say alike only once."""
    if len(set(troubles.values())) == 1:
        return next(iter(troubles.values()))
    return " ".join(f"Endpoint {name}: {words}" for name, words in sorted(troubles.items()))


def _used(endpoint: Endpoint, requests: int, tokens: float) -> Used:
    per_minute = endpoint.requests_per_minute, endpoint.tokens_per_minute
    requests_s, tokens_s = (
        60 * count / limit if limit else 0.0
        for count, limit in zip((requests, tokens), per_minute, strict=True)
    )
    return Used(requests_s, tokens_s)
