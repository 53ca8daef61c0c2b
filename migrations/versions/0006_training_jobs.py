"""Training jobs: what is tuned on which data set, what happened, what was left."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Moment, epoch_now

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPEN = sa.text("status IN ('queued', 'running', 'cancelling')")


def upgrade() -> None:
    op.create_table(
        "training_jobs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("dataset_id", sa.String(length=40), nullable=True),
        sa.Column("run_id", sa.String(length=40), nullable=True),
        sa.Column("wanted_dataset", sa.JSON(), nullable=True),
        sa.Column("making", sa.String(length=40), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=True),
        sa.Column("loss", sa.Double(), nullable=True),
        sa.Column("learning_rate", sa.Double(), nullable=True),
        sa.Column("log_tail", sa.Text(), server_default="", nullable=False),
        sa.Column("evaluation", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("farthest_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("news", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("leased_until", Moment(precision=53), nullable=True),
        sa.Column("nudged_at", Moment(precision=53), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(precision=53), server_default=epoch_now(), nullable=False),
        sa.Column("started_at", Moment(precision=53), nullable=True),
        sa.Column("ended_at", Moment(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_training_jobs_dataset_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_training_jobs_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_jobs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_training_jobs_idempotency_key")),
    )
    op.create_index(op.f("ix_training_jobs_dataset_id"), "training_jobs", ["dataset_id"])
    op.create_index(op.f("ix_training_jobs_run_id"), "training_jobs", ["run_id"])
    op.create_index(op.f("ix_training_jobs_status"), "training_jobs", ["status"])
    op.create_index(
        "ix_training_jobs_open",
        "training_jobs",
        ["id"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_table(
        "training_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("at", Moment(precision=53), server_default=epoch_now(), nullable=False),
        _of_a_job("training_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_events")),
    )
    op.create_index(op.f("ix_training_events_job_id_id"), "training_events", ["job_id", "id"])
    op.create_table(
        "training_outputs",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _of_a_job("training_outputs"),
        sa.PrimaryKeyConstraint("job_id", "name", name=op.f("pk_training_outputs")),
    )
    op.create_table(
        "training_reviews",
        sa.Column("job_id", sa.String(length=40), nullable=False),
        sa.Column("reviewer", sa.String(length=100), nullable=False),
        sa.Column("review", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(precision=53), server_default=epoch_now(), nullable=False),
        _of_a_job("training_reviews"),
        sa.PrimaryKeyConstraint("job_id", "reviewer", name=op.f("pk_training_reviews")),
    )


def downgrade() -> None:
    for name in ("training_reviews", "training_outputs", "training_events", "training_jobs"):
        op.drop_table(name)


def _of_a_job(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_job_id")
    return sa.ForeignKeyConstraint(["job_id"], ["training_jobs.id"], name=name)
