"""A trainer without a model: it makes steps, checkpoints and outputs like any other."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.evaluation.answers import Answer, Contender, HeldOutTask
from app.evaluation.evaluate import ScoringOptions, evaluate
from app.evaluation.evaluation_result import BootstrapOptions, Evaluation, ProgressPoint
from app.services.training.answers_file import ANSWERS, write_answers
from app.services.training.contract import TrainerResult, TrainingMonitor, TrainingWork


@dataclass
class ScriptedTrainer:
    """Takes `steps` steps, each with its checkpoint."""

    steps: int = 6
    step_s: float = 0.0
    before_step: Callable[[int], None] = lambda _: None
    """Called before each step with its number; may raise, like a lost GPU."""
    tasks: int = 3
    """Number of rows to hold out, the first ones."""
    answers: Callable[[str], str] = lambda reference: reference
    """Answer of the tuned model to a task; the base model gives none."""
    keeps_answers: bool = False
    """True: write them to the outputs."""
    began_at: list[int] = field(default_factory=list)
    """The step at which each call started."""

    def __call__(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        checkpoint = work.folder / "checkpoint.json"
        done = json.loads(checkpoint.read_text()) if checkpoint.exists() else 0
        self.began_at.append(done)
        monitor.log(f"begins at {done} with {work.options}")
        while done < self.steps:
            if monitor.stop():
                return TrainerResult(is_complete=False)
            self.before_step(done + 1)
            time.sleep(self.step_s)
            done += 1
            written = checkpoint.with_suffix(".new")
            written.write_text(json.dumps(done))
            written.replace(checkpoint)
            monitor.step(ProgressPoint(step=done, loss=1 / done, learning_rate=1e-4), self.steps)
        outputs = work.folder / "outputs"
        outputs.mkdir(exist_ok=True)
        (outputs / "adapter.json").write_text(json.dumps({"rows": len(list(work.dataset.read()))}))
        return self._measured(work, monitor)

    def _measured(self, work: TrainingWork, monitor: TrainingMonitor) -> TrainerResult:
        rows = [(row, work.dataset.source_of(row)) for row in work.dataset.read()]
        tasks = [HeldOutTask.of(row, source) for row, source in rows][: self.tasks]
        answers = tuple(Answer(task.id, self.answers(task.reference)) for task in tasks)
        asked = ScoringOptions(work.dataset.name, drawing=BootstrapOptions(resamples=20))
        models = (Contender("x", ()), Contender("y", answers))
        evaluation: Evaluation | None = evaluate(tasks, *models, asked)
        if self.keeps_answers:
            write_answers(work.folder / "outputs" / ANSWERS, tasks, models)
        if work.judge is not None and evaluation is not None:
            evaluation = work.judge(evaluation, tasks, models, monitor)
        return TrainerResult(evaluation is not None, evaluation)
