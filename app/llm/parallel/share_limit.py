"""A concurrency limit that follows the share of calls that are refused, as DCTCP's window does.

DCTCP (Alizadeh et al., 2010) cuts its window by the share of marked packets, not by half for any
mark. The derivation for refused calls:

- A rate limit that refuses the share F of our calls has room for 1 - F of them. So a cut by F, and
  somewhat more, ends the refusals. Then the limit rises slowly, by `RISE` for each answer, until
  the next refusal. The waste at a limit is about one refusal in such a cycle of some hundred calls.
- A shared gateway refuses calls at random. Such stray refusals do not depend on our load, so a cut
  does not end them. That is the test: a cut is followed by a check, some calls without a rise. The
  share refused then is the background. Only refusals beyond the background cause a cut, and when
  the background explains those that caused the last cut, that cut is undone.
- A share in the check that is far above the background may also mean that the cut was too small.
  So a second, deeper cut decides. If a smaller share is refused after it, there is a limit. If the
  share stays the same, the refusals are stray, and the limit is what it was before.

`ended` and `refused` are counted by phases: a call that was sent before the last change of the
limit says nothing about the new one. Times are seconds of one monotonic clock.
"""

from dataclasses import dataclass
from enum import Enum, auto

from app.llm.parallel.answer_rate import AnswerRate
from app.llm.parallel.background import CHECKED, HIGHEST_BACKGROUND, Background
from app.llm.parallel.sent_call import SentCall

DOUBLED_IN_S = 0.5
"""Shortest time in which the limit doubles while none is known, so that a per-second limit is not
exceeded by much."""
TOLERATED = 0.02
"""Share of refusals that does not end this fast rise."""
RISE = 1 / 3000
RISE_PER_S = 1 / 200
"""Rise near the limit that was too high, relative: for each answer, and for each second where
answers are few."""
NEAR = 0.8
"""Below this part of the limit that was too high the last time, the limit rises fast."""
BEYOND = 0.1
"""Above it by this part, it rises twice as fast, and ever faster: more is accepted than before."""
SMALLEST_CUT = 0.2
OUTAGE_S = 3.0
OUTAGE_LATENCIES = 3
"""Where all calls are refused for longer, also in times of an answer, the number of calls that were
accepted last is no limit."""
DEEP_CUT = 0.4
DEEPEST_CUT = 0.75
LARGEST_CUT_BY_TIME = 0.5
SURPLUS = 1.5
"""A cut is this many times the share refused, to be surely below a limit."""
CHECK_S = 30.0
CHECKED_AT_LEAST = 10
"""A check of slow calls ends after this time and this many calls."""
CERTAIN = 8
"""A check ends early after this many refusals: the share is known well enough."""
FEW = 3
"""Fewer refusals in a check are taken for chance."""
EXPECTED = 12
SAME = 0.7
"""A deep check is long enough for `EXPECTED` refusals if the share stays the same. From the part
`SAME` of them on, the share counts as the same."""
WINDOW = 200
"""Calls of a phase in which the limit rises."""
TEST_AGAIN = 10_000
"""Calls after which the background is put to the test again, unless it is below `TOLERATED`."""
LEAST = 1 / 64
"""Lowest limit; below 1 there is one call in flight, with pauses between calls."""


class _Aim(Enum):
    RISE = auto()
    """The limit rises with each answer, until refusals exceed the background."""
    CHECK = auto()
    """It was cut, and stands still: what is refused now?"""
    DEEP_CHECK = auto()
    """It was cut deeply, because of what the check found."""


@dataclass(slots=True)
class _Phase:
    """The calls since the limit was changed on purpose."""

    aim: _Aim
    began_s: float
    first: int
    """Number of the first call that counts."""
    ended: int = 0
    refused: int = 0

    @property
    def share(self) -> float:
        return self.refused / self.ended if self.ended else 0.0


class ShareLimit:
    """The concurrency limit of one process for one endpoint.

    Args:
        ceiling: The highest limit.
        first: The limit at the start. It rises fast until calls are refused.
    """

    def __init__(self, ceiling: int, first: int) -> None:
        self.value = float(first)
        self.too_high: float | None = None
        """The limit that was refused the last time; None: none is known."""
        self.usual_s: float | None = None
        """The usual time to an answer; None: there was none yet."""
        self.background = Background()
        self._ceiling = ceiling
        self._sent = 0
        self._rate = AnswerRate()
        self._phase = _Phase(_Aim.RISE, 0.0, first=1)
        self._cause = self._phase
        """The phase that caused the last cut."""
        self._doubted: tuple[float, float | None] | None = None
        """`value` and `too_high` before cuts for refusals that may be stray."""
        self._untested = _Phase(_Aim.RISE, 0.0, first=1)
        """The phases in which the limit rose since the last deep check, as one."""
        self._rose_s = 0.0
        self._held: tuple[float, float] | None = None
        """While the endpoint takes no calls: since when, and the limit before."""

    def sent(self, number: int) -> None:
        """Count a call that is sent."""
        self._sent = number

    def answered(self, call: SentCall, now_s: float) -> None:
        """Count an answer."""
        latency_s = now_s - call.at_s
        before_s = latency_s if self.usual_s is None else self.usual_s
        self.usual_s = before_s + (latency_s - before_s) / 10
        self._rate.count(now_s)
        if call.number < self._phase.first or self._held is not None:
            return
        self._phase.ended += 1
        if self._phase.aim is _Aim.RISE:
            self._rise(latency_s, now_s)
        self.judge(now_s)

    def refused(self, call: SentCall) -> None:
        """Count a refusal; `judge` follows, unless all calls are held because of it."""
        if call.number >= self._phase.first:
            self._phase.ended += 1
            self._phase.refused += 1

    def hold_began(self, accepted: int | None, now_s: float) -> None:
        """Change nothing more until `hold_ended`: the endpoint takes no calls.

        Args:
            accepted: Calls in flight that were accepted: the limit is cut to them. None: not known.
            now_s: The time.
        """
        if self._phase.aim is _Aim.RISE:
            self._doubt(now_s)
        self._held = now_s, self.value
        if accepted is not None:
            self.value = min(self.value, float(max(1, accepted)))

    def hold_ended(self, share: float, now_s: float) -> None:
        """Cut the limit by the share of time that was lost, and check what is refused now."""
        if self._held is not None:
            since_s, before = self._held
            if now_s - since_s > max(OUTAGE_S, OUTAGE_LATENCIES * (self.usual_s or 0.0)):
                self.value = before
        self._held = None
        if self._cause.share > HIGHEST_BACKGROUND:
            # Those were not stray, so what is found out now does not undo the cut.
            self._doubted = None
        self._cut(min(LARGEST_CUT_BY_TIME, share))
        self._begin(_Aim.CHECK, now_s)

    def _rise(self, latency_s: float, now_s: float) -> None:
        fast = min(1.0, self.value / 4, latency_s / DOUBLED_IN_S)
        if self.too_high is None or self.value < NEAR * self.too_high:
            self.value += fast
        else:
            beyond = max(0.0, self.value / self.too_high - 1) / BEYOND
            rise = max(RISE, RISE_PER_S * (now_s - self._rose_s)) * self.value
            self.value += min(fast, rise * (1 + beyond))
        self._rose_s = now_s
        if self.value >= self._ceiling:
            self.value, self.too_high = float(self._ceiling), None

    def judge(self, now_s: float) -> None:
        """Cut the limit if the refusals of this phase call for it, or go on with its next step."""
        phase = self._phase
        match phase.aim:
            case _Aim.RISE:
                tolerated = TOLERATED if self.too_high is None else 0.0
                if not self.background.explains(phase.refused, phase.ended, tolerated):
                    self._cut_for_a_check(phase, now_s)
                elif phase.ended >= WINDOW:
                    self._end_rise(phase, now_s)
            case _Aim.CHECK:
                is_clear = phase.refused >= CERTAIN and not self._explains(phase)
                if phase.ended >= CHECKED or is_clear or _is_slow(phase, now_s):
                    self._end_check(phase, now_s)
            case _Aim.DEEP_CHECK:
                self._judge_deep_check(phase, now_s)

    def _explains(self, phase: _Phase) -> bool:
        return self.background.explains(phase.refused, phase.ended)

    def _cut_for_a_check(self, phase: _Phase, now_s: float) -> None:
        self._doubt(now_s)
        excess = phase.share - self.background.share if phase.ended >= CHECKED / 2 else 0.0
        self._cut(excess)
        self._begin(_Aim.CHECK, now_s)

    def _end_rise(self, phase: _Phase, now_s: float) -> None:
        untested = self._untested
        untested.ended += phase.ended
        untested.refused += phase.refused
        if phase.share < self.background.share:
            # What is refused under a higher load is an upper bound of the background.
            self._learn(phase)
        if untested.ended >= TEST_AGAIN and untested.share > TOLERATED:
            self._doubt(now_s)
            self._cut_deeply(untested, now_s)
        else:
            self._begin(_Aim.RISE, now_s)

    def _end_check(self, phase: _Phase, now_s: float) -> None:
        if phase.refused >= FEW and not self._explains(phase):
            self._cut_deeply(phase, now_s)
            return
        self._learn(phase)
        if self._explains(self._cause):
            self._undo_cuts()
        elif not phase.refused:
            self._doubted = None
        self._begin(_Aim.RISE, now_s)

    def _cut_deeply(self, phase: _Phase, now_s: float) -> None:
        self._untested, self._cause = _Phase(_Aim.RISE, now_s, first=1), phase
        # A cut of what was never used would not change how many calls are sent.
        self.value = self._used(now_s, 1.0)
        self._cut(phase.share, at_least=DEEP_CUT)
        self._begin(_Aim.DEEP_CHECK, now_s)

    def _judge_deep_check(self, phase: _Phase, now_s: float) -> None:
        share = self._cause.share
        enough = max(CHECKED, EXPECTED / share)
        # In a long check other processes may have taken what we left, and are refused with us.
        is_long = now_s - phase.began_s > CHECK_S
        if phase.refused >= SAME * share * enough and not is_long:
            # Fewer calls were sent, and the same share is refused.
            refused, ended = self._cause.refused + phase.refused, self._cause.ended + phase.ended
            self.background.replace(refused, ended)
            self._undo_cuts()
            self._begin(_Aim.RISE, now_s)
        elif phase.ended >= enough or is_long:
            if phase.share < self.background.share or (phase.share > share / 2 and not is_long):
                self._learn(phase)
            if phase.share < share / 4:
                self._doubted = None
            self._begin(_Aim.RISE, now_s)

    def _doubt(self, now_s: float) -> None:
        """Keep the limit as it is, in case that the refusals of this phase turn out as stray."""
        self._cause = self._phase
        if self._doubted is None:
            self._doubted = self.value, self.too_high
        self.value = self._used(now_s, 2.0)

    def _undo_cuts(self) -> None:
        if self._doubted is not None:
            self.value, self.too_high = self._doubted
        self._doubted = None

    def _used(self, now_s: float, times: float) -> float:
        """Return the limit, but at most `times` what the answers of a second used of it."""
        if self.usual_s is None:
            return self.value
        return min(self.value, max(LEAST, times * self._rate.most(now_s) * self.usual_s))

    def _learn(self, phase: _Phase) -> None:
        self.background.learn(phase.refused, phase.ended)

    def _cut(self, share: float, at_least: float = SMALLEST_CUT) -> None:
        """Cut below the limit that refuses this share of the calls."""
        cut = min(DEEPEST_CUT, max(at_least, SURPLUS * share))
        self.too_high = max(LEAST, self.value * (1 - share))
        self.value = max(LEAST, self.value * (1 - cut))

    def _begin(self, aim: _Aim, now_s: float) -> None:
        self._phase = _Phase(aim, now_s, first=self._sent + 1)
        self._rose_s = now_s


def _is_slow(phase: _Phase, now_s: float) -> bool:
    return now_s - phase.began_s > CHECK_S and phase.ended >= CHECKED_AT_LEAST
