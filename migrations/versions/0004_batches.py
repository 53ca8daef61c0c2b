"""Batches of model calls."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Moment, epoch_now

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OPEN = ("state = 'open'", "state = 'open'")
_BY_CALL = ("state = 'open' AND by_batch = 0", "state = 'open' AND NOT by_batch")
_BY_BATCH = ("state = 'open' AND by_batch = 1", "state = 'open' AND by_batch")


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("endpoint", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("provider_said", sa.Text(), nullable=True),
        sa.Column("may_exist", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("length_name", sa.String(length=30), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("failing_since", Moment(precision=53), nullable=True),
        sa.Column("cancelled_at", Moment(precision=53), nullable=True),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("poll_at", Moment(precision=53), nullable=True),
        sa.Column("created_at", Moment(precision=53), server_default=epoch_now(), nullable=False),
        sa.Column("submitted_at", Moment(precision=53), nullable=True),
        sa.Column("ended_at", Moment(precision=53), nullable=True),
        sa.Column("closed_at", Moment(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_batches_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(op.f("ix_batches_run_id_id"), "batches", ["run_id", "id"])
    with op.batch_alter_table("runs") as runs:
        runs.add_column(
            sa.Column("batch_stages", sa.JSON(), server_default=sa.text("'[]'"), nullable=False)
        )
        runs.add_column(sa.Column("rests_until", Moment(precision=53), nullable=True))
    with op.batch_alter_table("completions") as replies:
        replies.add_column(sa.Column("batch_id", sa.String(length=40), nullable=True))
    op.drop_index("ix_work_items_open", table_name="work_items")
    with op.batch_alter_table("work_items") as items:
        items.add_column(
            sa.Column("by_batch", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    _index("ix_work_items_open", ["run_id", "priority", "id"], _BY_CALL)
    _index("ix_work_items_by_batch", ["run_id", "stage", "id"], _BY_BATCH)


def downgrade() -> None:
    # What the provider has of it is not asked after any more: it is asked again, by calls.
    op.execute(
        "UPDATE work_items SET state = 'open', token = NULL, reserved_tokens = NULL,"
        " reserved_usd = NULL WHERE state = 'leased' AND token IN (SELECT id FROM batches)"
    )
    for name in ("ix_work_items_by_batch", "ix_work_items_open"):
        op.drop_index(name, table_name="work_items")
    with op.batch_alter_table("work_items") as items:
        items.drop_column("by_batch")
    _index("ix_work_items_open", ["run_id", "priority", "id"], _OPEN)
    with op.batch_alter_table("completions") as replies:
        replies.drop_column("batch_id")
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("rests_until")
        runs.drop_column("batch_stages")
    op.drop_index(op.f("ix_batches_run_id_id"), table_name="batches")
    op.drop_table("batches")


def _index(name: str, columns: list[str], where: tuple[str, str]) -> None:
    # The two databases write a boolean differently.
    sqlite, postgresql = (sa.text(condition) for condition in where)
    op.create_index(name, "work_items", columns, sqlite_where=sqlite, postgresql_where=postgresql)
