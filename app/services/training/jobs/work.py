"""The work on a training job by one process: take the lease, train, record the result."""

import errno
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.dataset_row import DatasetRow
from app.errors import InvalidInput, OutOfSpace, SeedbedError
from app.services.context import ServiceContext
from app.services.datasets.sources import read_dataset
from app.services.free_space import files_shortage
from app.services.run_leased import LeasedTask, notify_waiting, run_leased
from app.services.training.contract import Judge, RowSource, Trainer, TrainerResult, TrainingWork
from app.services.training.jobs.choose_trainer import trainer_for
from app.services.training.jobs.control import folder_of, models_folder
from app.services.training.jobs.folder import alone_in
from app.services.training.jobs.judged_rows import judged_rows
from app.services.training.jobs.monitor import HeldJob, Interruption, JobMonitor
from app.services.training.jobs.requests import TrainingRequest, named_datasets, request_of
from app.services.training.judging.judge_job import JobJudge
from app.states import Status
from app.store.json_columns import SourceFact
from app.store.tables.datasets import Dataset
from app.store.tables.training import TrainingJob
from app.store.training import training_jobs
from app.store.training.training_jobs import Output

_log = logging.getLogger(__name__)
_MAX_ATTEMPTS = 4
_NO_INTERRUPTION = Interruption()
_NOTIFY_AGAIN_S = 30.0
"""Where no worker has the training extra, messages must not pile up every second."""


def sweep_training(context: ServiceContext) -> Sequence[str]:
    """Return the jobs that need a worker now; any number of sweepers may call this."""
    return notify_waiting(
        context, TrainingJob, lambda session: training_jobs.waiting(session, _NOTIFY_AGAIN_S)
    )


def work_on_job(
    context: ServiceContext,
    job_id: str,
    stop: Callable[[], bool],
    trainer: Trainer | None = None,
    interruption: Interruption = _NO_INTERRUPTION,
) -> bool:
    """Train until the job is done or this process must stop; safe to repeat and in parallel.

    Args:
        context: Service context.
        job_id: A hint. A job that has ended, is leased by another process or is unknown is ignored.
        stop: Returns True when this process was asked to stop.
        trainer: Trainer to use; None: chosen by the options of the job.
        interruption: Interrupts a trainer that does not react when its job is cancelled or lost.

    Returns:
        True when a new message should be sent at once. A failure is recorded in the row of the job;
        a defect is logged here.
    """
    if (why := files_shortage(context)) is not None:
        _log.warning("training job %s waits: %s", job_id, why)
        return False
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
        fail=held.fail,
        fail_by_defect=lambda: held.end(
            Status.FAILED, "A defect of the service; its log has the details."
        ),
        release=held.hand_back,
        log_fields={"training_job_id": job_id},
    )
    return run_leased(task) is True


class _Held:
    """A job leased by this process."""

    def __init__(
        self, context: ServiceContext, job_id: str, token: str, interruption: Interruption
    ) -> None:
        self._context = context
        self._job_id = job_id
        self._token = token
        self._interruption = interruption
        self._attempts = 0

    def work(self, trainer: Trainer | None, stop: Callable[[], bool]) -> bool:
        """Train, and record how it ended."""
        job, work = self._load()
        self._attempts = job.attempts
        if job.status == Status.CANCELLING:
            self.end(Status.CANCELLED, None)
            return False
        if job.attempts > _MAX_ATTEMPTS:
            raise SeedbedError(
                f"Its worker died {_MAX_ATTEMPTS} times in a row without getting past step "
                f"{job.farthest_step}; the model may be too large for the memory of the machine."
            )
        held = HeldJob(self._job_id, self._token, job.report_count)
        monitor = JobMonitor(self._context, held, stop, self._interruption)
        trained, outputs = TrainerResult(is_complete=False), list[Output]()
        with monitor, _full_disk_as_failure(), alone_in(work.folder, monitor) as is_alone:
            if is_alone:
                trained = (trainer or trainer_for(self._context, work))(work, monitor)
            if trained.is_complete:
                outputs += _list_outputs(work.folder)
        return self._record_result(trained, outputs, monitor)

    def _load(self) -> tuple[TrainingJob, TrainingWork]:
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
            dataset=self._dataset(request),
            other_datasets={dataset_id: self._source(dataset_id) for dataset_id in others},
            folder=folder,
            cache=models_folder(self._context),
            tuned_outputs=tuned_outputs,
            was_trained_on_dataset=tuned is not None and tuned.dataset_id == job.dataset_id,
            judge=self._judge(request, folder, tuned_outputs),
            day=job.created_at.date(),
        )

    def _dataset(self, request: TrainingRequest) -> RowSource:
        source, review = self._source(request.dataset_id), request.options.review_run_id
        return source if review is None else judged_rows(self._context, review, source)

    def _judge(self, request: TrainingRequest, folder: Path, tuned: Path | None) -> Judge | None:
        judge, seed = request.options.evaluation.judge, request.options.seed
        if judge is None:
            return None
        return JobJudge(self._context, judge, seed, folder, tuned)

    def _tuned_by(self, request: TrainingRequest) -> TrainingJob | None:
        """Return the job that tuned the model to evaluate."""
        job_id = getattr(request.options, "training_job_id", None)
        if job_id is None:
            return None
        with self._context.database.read() as session:
            return session.get_one(TrainingJob, job_id)

    def _source(self, dataset_id: str) -> RowSource:
        with self._context.database.read() as session:
            dataset = session.get_one(Dataset, dataset_id)
            made_of = _names(dataset.facts.get("sources", ()))
        context, count = self._context, dataset.row_count

        def rows() -> Iterator[DatasetRow]:
            return iter(read_dataset(context, dataset.id, count))

        return RowSource(f"{dataset.name}, version {dataset.version}", rows, made_of)

    def _record_result(
        self, trained: TrainerResult, outputs: Sequence[Output], monitor: JobMonitor
    ) -> bool:
        if monitor.is_lost:
            _log.warning("another process has training job %s now", self._job_id)
            return False
        if trained.is_complete:
            if not self._record_success(trained, outputs):
                # It was cancelled before its last heartbeat, or another process took it.
                self.end(Status.CANCELLED, None)
            return False
        if monitor.is_cancelled:
            self.end(Status.CANCELLED, None)
            return False
        if not monitor.has_requested_stop:
            raise RuntimeError("the trainer returned early without being asked to stop")
        self.hand_back()
        return True

    def _record_success(self, trained: TrainerResult, outputs: Sequence[Output]) -> bool:
        found = trained.evaluation
        evaluation = None if found is None else found.model_dump(mode="json")

        def record(session: Session) -> bool:
            if training_jobs.succeed(session, self._job_id, self._token, outputs, evaluation):
                return True
            # The reply of the commit was lost.
            status = select(TrainingJob.status).where(TrainingJob.id == self._job_id)
            return session.scalar(status) == Status.SUCCEEDED

        return self._context.database.retrying(record)

    def fail(self, error: SeedbedError) -> None:
        """Record a failure; a job that met a full disk waits for space first, a few times."""
        if not isinstance(error, OutOfSpace):
            self.end(Status.FAILED, _reason(error))
            return
        if self._attempts >= _MAX_ATTEMPTS:
            resume = f"It tried {_MAX_ATTEMPTS} times: `seedbed jobs resume` starts it again."
            self.end(Status.FAILED, f"{error} {resume}")
            return
        message = f"{error} It tries again by itself."
        self._context.database.retrying(
            lambda session: training_jobs.wait(session, self._job_id, self._token, message)
        )

    def end(self, status: Status, message: str | None) -> None:
        """Record how the job ended, unless another process has it; a cancelled job never fails."""

        def record(session: Session) -> None:
            moved = training_jobs.move(
                session, self._job_id, status, message=message, token=self._token
            )
            if not moved:
                training_jobs.move(session, self._job_id, Status.CANCELLED, token=self._token)

        self._context.database.retrying(record)

    def hand_back(self) -> None:
        """Release the lease for the next process, or end the job when it was cancelled."""
        self._context.database.retrying(
            lambda session: training_jobs.release(session, self._job_id, self._token)
        )


def _reason(error: SeedbedError) -> str:
    """Return the failure message for the user."""
    faults = error.faults if isinstance(error, InvalidInput) else ()
    return " ".join([str(error), "; ".join(map(str, faults))]).strip()


@contextmanager
def _full_disk_as_failure() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise OutOfSpace(
            "The disk is full. Free some space; the job continues from its last checkpoint."
        ) from error


def _list_outputs(folder: Path) -> Iterator[Output]:
    there = folder / "outputs"
    for path in sorted(there.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(there).as_posix()
            yield Output(name, digest, path.stat().st_size)


def _names(sources: Iterable[SourceFact]) -> Mapping[str, str]:
    """Return the names of the runs and versions that a version was made of, by their ids."""
    found: dict[str, str] = {}
    for fact in sources:
        if "dataset_id" in fact:
            found[fact["dataset_id"]] = f"{fact['name']}, version {fact['version']}"
        elif "run_id" in fact:
            found[fact["run_id"]] = fact["run_id"]
    return found
