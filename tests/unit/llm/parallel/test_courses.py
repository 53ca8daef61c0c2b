"""The course of the limit at endpoints of many kinds, as recorded.

The other tests say what a course must achieve; this one, that a change to a rule or a constant of
the control changes it on purpose. After a wanted change, renew the file and read its difference:

    SEEDBED_RENEW_GOLDEN=1 pytest tests/unit/llm/parallel/test_courses.py
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.golden import check_golden_json
from tests.unit.llm.throttling import AtOnce, Away, Bucket, Simulation, Sliding, Stray

GOLDEN = Path(__file__).parent / "golden" / "courses.json"


@dataclass
class Both(Sliding):
    """A limit of calls in any second, and refusals at random."""

    stray: Stray = field(default_factory=Stray)

    def takes(self, now_s: float, tokens: int) -> bool:
        return self.stray.takes(now_s, tokens) and super().takes(now_s, tokens)


@dataclass
class Falling(Sliding):
    """A limit that falls to a share of it, and comes back."""

    def takes(self, now_s: float, tokens: int) -> bool:
        self.per_s = 25 if 8 <= now_s < 16 else 150
        return super().takes(now_s, tokens)


COURSES: dict[str, Callable[[], Simulation]] = {
    "a limit a second": lambda: Simulation(Sliding(), workers=2),
    "a limit that says how long": lambda: Simulation(Sliding(said_s=1.0)),
    "a limit that falls": lambda: Simulation(Falling()),
    "a small limit": lambda: Simulation(Sliding(per_s=5), workers=2),
    "slow calls": lambda: Simulation(AtOnce(calls=4), 2.0, workers=2),
    "tokens": lambda: Simulation(Bucket(per_s=50_000, burst=5e4, by_tokens=True)),
    "few at random": lambda: Simulation(Stray(None, 0.02), 0.05, ceiling=32),
    "many at random": lambda: Simulation(Stray(0.2, 0.2), 0.05, ceiling=32),
    "a limit and few at random": lambda: Simulation(Both(stray=Stray(share=0.05))),
    "a limit and many at random": lambda: Simulation(Both(stray=Stray(share=0.15))),
    "away": lambda: Simulation(Away(spans=[(3, 4), (6, 7), (10, 15)]), workers=2, ceiling=16),
}


def course(of: Simulation) -> dict[str, object]:
    simulation = of.run(24)
    by_second = [0] * 24
    for at_s, is_answer in simulation.log:
        by_second[int(at_s)] += not is_answer
    return {
        "answered": simulation.answered(),
        "refused in each second": by_second,
        "limits": [worker.control.limit for worker in simulation.team],
        "background": [round(worker.control.background, 6) for worker in simulation.team],
    }


def test_the_limit_takes_its_recorded_course() -> None:
    check_golden_json(GOLDEN, {name: course(make()) for name, make in COURSES.items()})
