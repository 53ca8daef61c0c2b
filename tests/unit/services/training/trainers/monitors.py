"""A monitor of a training for tests."""

from app.evaluation.evaluation_result import ProgressPoint


class Watching:
    """Keeps what is reported to it, and stops the training after this many steps."""

    def __init__(self, most_steps: int = 1000) -> None:
        self.points: list[ProgressPoint] = []
        self.lines: list[str] = []
        self._most = most_steps

    def step(self, point: ProgressPoint, _steps: int | None) -> None:
        self.points.append(point)

    def log(self, line: str) -> None:
        self.lines.append(line)

    def stop(self) -> bool:
        return len(self.points) >= self._most
