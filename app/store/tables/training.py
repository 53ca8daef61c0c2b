"""The tables of training: jobs, their events, their output files, and human reviews."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.store.declarative import RowId, Table
from app.store.leases import LeasedWork
from app.store.moves import Moving
from app.store.owned import Owned
from app.store.sql import epoch_now

_OPEN = text("status IN ('queued', 'running', 'cancelling')")


class TrainingJob(Owned, LeasedWork, Moving, Table):
    """One fine-tuning of a model on a version of a data set, or one evaluation of a model."""

    __tablename__ = "training_jobs"
    __table_args__ = (
        Index("ix_training_jobs_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    kind: Mapped[str] = mapped_column(String(20))
    """``training``, with an evaluation at its end, or ``evaluation`` alone."""
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    """The version it trains or is evaluated on; null while its run makes the rows."""
    run_id: Mapped[str | None] = mapped_column(ForeignKey("runs.id"), index=True)
    """The run whose rows it trains on: it begins when the run's data set is made."""
    requested_dataset: Mapped[dict[str, Any] | None]
    """Name and recipe of the data set that will be made of the run."""
    pending_dataset_id: Mapped[str | None] = mapped_column(String(40))
    """The id of that data set, while it is being made."""
    options: Mapped[dict[str, Any]]
    """`app.training.plain.options`: those of its kind."""
    step: Mapped[int] = mapped_column(server_default=text("0"))
    """The last step that was reported; after a crash training resumes at the last checkpoint."""
    steps: Mapped[int | None]
    """Of the whole training; null: not known yet."""
    loss: Mapped[float | None]
    """Of that step."""
    learning_rate: Mapped[float | None]
    """Of that step."""
    log_tail: Mapped[str] = mapped_column(server_default="", deferred=True)
    """The end of its log, at most 8,000 characters."""
    evaluation: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """`Evaluation`; null until there is one."""
    farthest_step: Mapped[int] = mapped_column(server_default=text("0"))
    """The highest step ever reported; `attempts` counts since it was reached."""
    report_count: Mapped[int] = mapped_column(server_default=text("0"))
    """Number of progress reports stored: tells a commit whose answer was lost from a new one."""
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    """`RequestKey.stored`."""
    request_sha256: Mapped[str] = mapped_column(String(64))
    """Of the request it was made by: its key with another request is a conflict."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())


class TrainingEvent(Table):
    """An event of a training job; appended, never changed."""

    __tablename__ = "training_events"
    __table_args__ = (Index(None, "job_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("training_jobs.id"))
    kind: Mapped[str] = mapped_column(String(40))
    """``status`` or ``step``."""
    data: Mapped[dict[str, Any]]
    """Of a step: ``step``, ``steps``, ``loss``, ``learning_rate``."""
    at: Mapped[datetime] = mapped_column(server_default=epoch_now())


class TrainingOutput(Table):
    """An output file of a training job, in the job's folder."""

    __tablename__ = "training_outputs"

    job_id: Mapped[str] = mapped_column(ForeignKey("training_jobs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    """Its path relative to the folder, with slashes."""
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)


class TrainingReview(Owned, Table):
    """One person's review of the answers of a job's models."""

    __tablename__ = "training_reviews"

    job_id: Mapped[str] = mapped_column(ForeignKey("training_jobs.id"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(String(100), primary_key=True)
    """The reviewer's name; a second sheet under the same name replaces the first."""
    review: Mapped[dict[str, Any]]
    """`app.evaluation.review_sheet.Review`."""
    created_at: Mapped[datetime] = mapped_column(server_default=epoch_now())
    """Of the first sheet; reports keep this order."""
