"""Work on a training job: a worker takes it under a lease and trains from its last checkpoint."""

import errno
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import InvalidInput, OutOfSpace, SeedbedError
from app.record import DatasetRow
from app.services.context import ServiceContext
from app.services.datasets.sources import read_dataset
from app.services.judging.judge_job import JobJudge
from app.services.lease import LeasedTask, notify_waiting, run_leased
from app.services.training.contract import Judge, RowSource, Trained, Trainer, TrainingWork
from app.services.training.jobs.choose_trainer import trainer_for
from app.services.training.jobs.control import folder_of, models_folder
from app.services.training.jobs.folder import alone_in
from app.services.training.jobs.judged_rows import decided_rows
from app.services.training.jobs.requests import TrainingRequest, named_datasets, request_of
from app.services.training.jobs.watch import HeldJob, Interruption, JobWatch
from app.states import Status
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs
from app.store.training.training_jobs import Output

_log = logging.getLogger(__name__)
_MAX_ATTEMPTS = 4
_WAITED_FOR = Interruption()
_NOTIFY_AGAIN_S = 30.0
"""Where no worker has the training extra, messages must not pile up every second."""


def sweep_training(context: ServiceContext) -> Sequence[str]:
    """Name the jobs that a worker should look at now; any number of sweepers may do so at once."""
    return notify_waiting(
        context, TrainingJob, lambda session: training_jobs.waiting(session, _NOTIFY_AGAIN_S)
    )


def work_on_job(
    context: ServiceContext,
    job_id: str,
    stop: Callable[[], bool],
    trainer: Trainer | None = None,
    interruption: Interruption = _WAITED_FOR,
) -> bool:
    """Train until the job is done or this process has to stop.

    Safe to repeat and to call from anywhere at once. How it failed is recorded in its row; a defect
    is logged.

    Args:
        context: what this process works with.
        job_id: a job that a worker should look at. It is a hint: a job that has ended, is unknown
            or held by another process is left alone.
        stop: returns True once this process has been asked to stop.
        trainer: trains; None: the trainer that the job's options ask for.
        interruption: ends a trainer that does not look when its job is cancelled or lost.

    Returns:
        True when the job should be sent again at once.
    """
    token = secrets.token_hex(8)
    lease_s = context.lease_s
    if not context.database.retrying(
        lambda session: training_jobs.take(session, job_id, token, lease_s)
    ):
        return False
    held = _Held(context, job_id, token, interruption)
    task = LeasedTask(
        name=f"training job {job_id}",
        work=lambda: held.work(trainer, stop),
        fail=lambda error: held.end(Status.FAILED, _reason(error)),
        fail_by_defect=lambda: held.end(
            Status.FAILED, "A defect of the service; its log has the details."
        ),
        release=held.hand_back,
    )
    return run_leased(task) is True


class _Held:
    """A job that this process has taken."""

    def __init__(
        self, context: ServiceContext, job_id: str, token: str, interruption: Interruption
    ) -> None:
        self._context = context
        self._job_id = job_id
        self._token = token
        self._interruption = interruption

    def work(self, trainer: Trainer | None, stop: Callable[[], bool]) -> bool:
        """Train, and note how it ended."""
        job, work = self._begin()
        if job.status == Status.CANCELLING:
            self.end(Status.CANCELLED, None)
            return False
        if job.attempts > _MAX_ATTEMPTS:
            raise SeedbedError(
                f"Its worker died {_MAX_ATTEMPTS} times in a row without getting past step "
                f"{job.farthest_step}; perhaps the model is too big for the machine's memory."
            )
        held = HeldJob(self._job_id, self._token, job.report_count)
        watch = JobWatch(self._context, held, stop, self._interruption)
        trained, outputs = Trained(is_whole=False), list[Output]()
        with watch, _full_disk_told(), alone_in(work.folder, watch) as is_alone:
            if is_alone:
                trained = (trainer or trainer_for(self._context, work))(work, watch)
            if trained.is_whole:
                outputs += _outputs(work.folder)
        return self._ended(trained, outputs, watch)

    def _begin(self) -> tuple[TrainingJob, TrainingWork]:
        with self._context.database.read() as session:
            job = session.get_one(TrainingJob, self._job_id)
        request = request_of(job)
        folder = folder_of(self._context, job.id)
        others = set(named_datasets(request.options).values())
        tuned = self._tuned_by(request)
        tuned_outputs = None if tuned is None else folder_of(self._context, tuned.id) / "outputs"
        return job, TrainingWork(
            job_id=job.id,
            kind=request.kind,
            options=dict(job.options),
            dataset=self._learnt(request),
            others={dataset_id: self._source(dataset_id) for dataset_id in others},
            folder=folder,
            cache=models_folder(self._context),
            tuned=tuned_outputs,
            has_learnt_it=tuned is not None and tuned.dataset_id == job.dataset_id,
            judge=self._judge(request, folder, tuned_outputs),
        )

    def _learnt(self, request: TrainingRequest) -> RowSource:
        source, review = self._source(request.dataset_id), request.options.review_run_id
        return source if review is None else decided_rows(self._context, review, source)

    def _judge(self, request: TrainingRequest, folder: Path, tuned: Path | None) -> Judge | None:
        judge, seed = request.options.evaluation.judge, request.options.seed
        if judge is None:
            return None
        return JobJudge(self._context, judge, seed, folder, tuned)

    def _tuned_by(self, request: TrainingRequest) -> TrainingJob | None:
        """The job that made the model to be measured."""
        job_id = getattr(request.options, "training_job_id", None)
        if job_id is None:
            return None
        with self._context.database.read() as session:
            return session.get_one(TrainingJob, job_id)

    def _source(self, dataset_id: str) -> RowSource:
        with self._context.database.read() as session:
            dataset = session.get_one(Dataset, dataset_id)
        context, count = self._context, dataset.row_count

        def rows() -> Iterator[DatasetRow]:
            return iter(read_dataset(context, dataset.id, count))

        return RowSource(f"{dataset.name}, version {dataset.version}", rows)

    def _ended(self, trained: Trained, outputs: Sequence[Output], watch: JobWatch) -> bool:
        if watch.is_lost:
            _log.warning("training job %s is another's by now", self._job_id)
            return False
        if trained.is_whole:
            if not self._succeeded(trained, outputs):
                # A person was faster than its last look; or it is another's.
                self.end(Status.CANCELLED, None)
            return False
        if watch.is_cancelled:
            self.end(Status.CANCELLED, None)
            return False
        if not watch.has_said_stop:
            raise RuntimeError("the trainer returned before its end, and nobody had asked it to")
        self.hand_back()
        return True

    def _succeeded(self, trained: Trained, outputs: Sequence[Output]) -> bool:
        found = trained.evaluation
        evaluation = None if found is None else found.model_dump(mode="json")

        def note(session: Session) -> bool:
            if training_jobs.succeed(session, self._job_id, self._token, outputs, evaluation):
                return True
            # A commit whose answer was lost.
            status = select(TrainingJob.status).where(TrainingJob.id == self._job_id)
            return session.scalar(status) == Status.SUCCEEDED

        return self._context.database.retrying(note)

    def end(self, status: Status, message: str | None) -> None:
        """Note how it ended, unless it is another's by now; a cancelled job never fails."""

        def note(session: Session) -> None:
            moved = training_jobs.move(
                session, self._job_id, status, message=message, token=self._token
            )
            if not moved:
                training_jobs.move(session, self._job_id, Status.CANCELLED, token=self._token)

        self._context.database.retrying(note)

    def hand_back(self) -> None:
        """Leave it to the next process, or end it where it was cancelled."""
        self._context.database.retrying(
            lambda session: training_jobs.release(session, self._job_id, self._token)
        )


def _reason(error: SeedbedError) -> str:
    """Say in one text what a person needs to know."""
    faults = error.faults if isinstance(error, InvalidInput) else ()
    return " ".join([str(error), "; ".join(map(str, faults))]).strip()


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise OutOfSpace(
            "The disk is full; free some room and resume the job, which goes on from its last "
            "checkpoint."
        ) from error


def _outputs(folder: Path) -> Iterator[Output]:
    there = folder / "outputs"
    for path in sorted(there.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(there).as_posix()
            yield Output(name, digest, path.stat().st_size)
