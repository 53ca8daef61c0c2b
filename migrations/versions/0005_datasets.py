"""Data sets: numbered versions with their rows."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Moment, epoch_now

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ONE_SOURCE = "ck_runs_one_source"
_OF_A_RUN = (
    "run_events", "run_slots", "batches", "work_items", "completions", "instructions", "instances",
    "rejections",
)  # fmt: skip
_UNFINISHED = sa.text("state IN ('queued', 'making')")


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("is_import", sa.Boolean(), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("row_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("dropped_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("facts", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("statistics", sa.JSON(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("leased_until", Moment(precision=53), nullable=True),
        sa.Column("nudged_at", Moment(precision=53), nullable=True),
        sa.Column("created_at", Moment(precision=53), server_default=epoch_now(), nullable=False),
        sa.Column("ended_at", Moment(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_datasets_name_version")),
        sa.UniqueConstraint("request_sha256", name=op.f("uq_datasets_request_sha256")),
    )
    op.create_index(
        "ix_datasets_unfinished",
        "datasets",
        ["id"],
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    )
    op.create_table(
        "dataset_rows",
        _dataset_id(),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), server_default="", nullable=False),
        sa.Column("history", sa.JSON(), nullable=True),
        sa.Column("is_classification", sa.Boolean(), nullable=True),
        sa.Column("split", sa.String(length=5), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=True),
        *_of_a_dataset("dataset_rows"),
        sa.PrimaryKeyConstraint("dataset_id", "position", name=op.f("pk_dataset_rows")),
    )
    op.create_table(
        "dataset_drops",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _dataset_id(),
        sa.Column("filter", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        *_of_a_dataset("dataset_drops"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_drops")),
    )
    op.create_index(op.f("ix_dataset_drops_dataset_id_id"), "dataset_drops", ["dataset_id", "id"])
    op.create_index(
        op.f("ix_dataset_drops_dataset_id_filter_reason"),
        "dataset_drops",
        ["dataset_id", "filter", "reason"],
    )
    op.create_table(
        "dataset_files",
        _dataset_id(),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("made_at", Moment(precision=53), server_default=epoch_now(), nullable=False),
        *_of_a_dataset("dataset_files"),
        sa.PrimaryKeyConstraint("dataset_id", "name", name=op.f("pk_dataset_files")),
    )
    with op.batch_alter_table("seed_sets") as seed_sets:
        seed_sets.add_column(sa.Column("licence", sa.String(length=100), nullable=True))
    with op.batch_alter_table("runs") as runs:
        runs.alter_column("seed_set_id", existing_type=sa.String(length=40), nullable=True)
        runs.add_column(sa.Column("dataset_id", sa.String(length=40), nullable=True))
        runs.add_column(sa.Column("rows_to_review", sa.Integer(), nullable=True))
        runs.create_foreign_key(op.f("fk_runs_dataset_id"), "datasets", ["dataset_id"], ["id"])
        runs.create_check_constraint(_ONE_SOURCE, "(seed_set_id IS NULL) <> (dataset_id IS NULL)")
    op.create_index(op.f("ix_runs_dataset_id"), "runs", ["dataset_id"])


def downgrade() -> None:
    # The earlier version knows no run without seeds.
    for name in _OF_A_RUN:
        op.execute(
            f"DELETE FROM {name} WHERE run_id IN"  # noqa: S608
            " (SELECT id FROM runs WHERE dataset_id IS NOT NULL)"
        )
    op.execute("DELETE FROM runs WHERE dataset_id IS NOT NULL")
    op.drop_index(op.f("ix_runs_dataset_id"), table_name="runs")
    with op.batch_alter_table("runs") as runs:
        runs.drop_constraint(_ONE_SOURCE, type_="check")
        runs.drop_constraint(op.f("fk_runs_dataset_id"), type_="foreignkey")
        runs.drop_column("rows_to_review")
        runs.drop_column("dataset_id")
        runs.alter_column("seed_set_id", existing_type=sa.String(length=40), nullable=False)
    with op.batch_alter_table("seed_sets") as seed_sets:
        seed_sets.drop_column("licence")
    for name in ("dataset_files", "dataset_drops", "dataset_rows", "datasets"):
        op.drop_table(name)


def _dataset_id() -> sa.Column[str]:
    return sa.Column("dataset_id", sa.String(length=40), nullable=False)


def _of_a_dataset(table: str) -> tuple[sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_dataset_id")
    return (sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=name),)
