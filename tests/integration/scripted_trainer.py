"""A trainer that learns nothing and does all else a trainer does: steps, checkpoints, outputs."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.evaluation.evaluating import Asked, evaluate
from app.evaluation.result import Drawing, ProgressPoint
from app.evaluation.values import Answer, Contender, HeldOutTask
from app.services.trainer import Trained, TrainingWatch, TrainingWork


@dataclass
class ScriptedTrainer:
    """Takes so many steps, each with its checkpoint."""

    steps: int = 6
    step_s: float = 0.0
    before_step: Callable[[int], None] = lambda _: None
    """Called with the step that comes; may raise, as a GPU that is lost does."""
    began_at: list[int] = field(default_factory=list)
    """The step at which each call began."""

    def __call__(self, work: TrainingWork, watch: TrainingWatch) -> Trained:
        checkpoint = work.folder / "checkpoint.json"
        done = json.loads(checkpoint.read_text()) if checkpoint.exists() else 0
        self.began_at.append(done)
        watch.log(f"begins at {done} with {work.options}")
        while done < self.steps:
            if watch.stop():
                return Trained(is_whole=False)
            self.before_step(done + 1)
            time.sleep(self.step_s)
            done += 1
            written = checkpoint.with_suffix(".new")
            written.write_text(json.dumps(done))
            written.replace(checkpoint)
            watch.step(ProgressPoint(step=done, loss=1 / done, learning_rate=1e-4), self.steps)
        outputs = work.folder / "outputs"
        outputs.mkdir(exist_ok=True)
        (outputs / "adapter.json").write_text(json.dumps({"rows": len(list(work.dataset.read()))}))
        tasks = [HeldOutTask.of(row) for row in work.dataset.read()][:3]
        answers = tuple(Answer(task.id, task.reference) for task in tasks)
        asked = Asked(work.dataset.name, drawing=Drawing(resamples=20))
        return Trained(True, evaluate(tasks, Contender("x", ()), Contender("y", answers), asked))
