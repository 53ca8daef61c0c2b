"""Several pumps a run, and what a run took and may take."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

from migrations.column_types import Dollars, Moment

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Columns = tuple[tuple[str, TypeEngine[Any]], ...]
_NUMBERS: _Columns = (
    ("complete", sa.Integer()),
    ("instances", sa.Integer()),
    ("calls", sa.Integer()),
    ("prompt_tokens", sa.BigInteger()),
    ("completion_tokens", sa.BigInteger()),
    ("written_off_calls", sa.Integer()),
    ("written_off_tokens", sa.BigInteger()),
    ("written_off_usd", Dollars()),
)
_OPTIONAL: _Columns = (
    ("cost_usd", Dollars()),
    ("max_calls", sa.Integer()),
    ("max_tokens", sa.BigInteger()),
    ("max_cost_usd", Dollars()),
    ("served_at", Moment(precision=53)),
)
_REPLY: _Columns = (
    ("call", sa.String(length=60)),
    ("request_sha256", sa.String(length=64)),
    ("reused_from", sa.BigInteger()),
    ("endpoint", sa.String(length=60)),
    ("reply_id", sa.String(length=200)),
)
_SLOTS = 4

# Totals of what is there already; from now on they are kept with each change.
_COUNTED = """
UPDATE runs SET
  complete = (SELECT count(*) FROM instructions
              WHERE instructions.run_id = runs.id AND instructions.is_complete),
  instances = (SELECT count(*) FROM instances WHERE instances.run_id = runs.id),
  calls = (SELECT count(*) FROM completions WHERE completions.run_id = runs.id),
  prompt_tokens = (SELECT coalesce(sum(prompt_tokens), 0) FROM completions
                   WHERE completions.run_id = runs.id),
  completion_tokens = (SELECT coalesce(sum(completion_tokens), 0) FROM completions
                       WHERE completions.run_id = runs.id),
  cost_usd = (SELECT sum(cost_usd) FROM completions WHERE completions.run_id = runs.id)
"""


def upgrade() -> None:
    op.create_table(
        "run_slots",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("leased_until", Moment(precision=53), nullable=True),
        sa.Column("nudged_at", Moment(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_slots_run_id")),
        sa.PrimaryKeyConstraint("run_id", "slot", name=op.f("pk_run_slots")),
    )
    op.create_table(
        "endpoint_states",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("held_until", Moment(precision=53), nullable=True),
        sa.Column("away_since", Moment(precision=53), nullable=True),
        sa.Column("probe_at", Moment(precision=53), nullable=True),
        sa.Column("probe_delay_s", sa.Double(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("requests_at", Moment(precision=53), nullable=True),
        sa.Column("tokens_at", Moment(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("name", "model", name=op.f("pk_endpoint_states")),
    )
    for slot in range(_SLOTS):
        op.execute(f"INSERT INTO run_slots (run_id, slot) SELECT id, {slot} FROM runs")  # noqa: S608
    with op.batch_alter_table("runs") as runs:
        for name, kind in _NUMBERS:
            runs.add_column(sa.Column(name, kind, server_default=sa.text("0"), nullable=False))
        for name, kind in _OPTIONAL:
            runs.add_column(sa.Column(name, kind, nullable=True))
        for name in ("pump_token", "pump_leased_until", "nudged_at"):
            runs.drop_column(name)
    op.execute(_COUNTED)
    # Nobody holds anything any more: workers of the earlier version are not to run beside this one.
    op.execute("UPDATE work_items SET state = 'open', token = NULL WHERE state = 'leased'")
    with op.batch_alter_table("work_items") as items:
        items.add_column(sa.Column("reserved_tokens", sa.BigInteger(), nullable=True))
        items.add_column(sa.Column("reserved_usd", Dollars(), nullable=True))
    with op.batch_alter_table("completions") as replies:
        for name, kind in _REPLY:
            replies.add_column(sa.Column(name, kind, nullable=True))
        replies.add_column(
            sa.Column("is_spare", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.create_index(op.f("ix_completions_work_item_id"), "completions", ["work_item_id"])
    named = sa.text("request_sha256 IS NOT NULL")
    op.create_index(
        op.f("ix_completions_request_sha256"),
        "completions",
        ["request_sha256"],
        sqlite_where=named,
        postgresql_where=named,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_completions_request_sha256"), table_name="completions")
    op.drop_index(op.f("ix_completions_work_item_id"), table_name="completions")
    with op.batch_alter_table("completions") as replies:
        for name in (*(name for name, _ in _REPLY), "is_spare"):
            replies.drop_column(name)
    with op.batch_alter_table("work_items") as items:
        items.drop_column("reserved_usd")
        items.drop_column("reserved_tokens")
    with op.batch_alter_table("runs") as runs:
        for name, _ in (*_NUMBERS, *_OPTIONAL):
            runs.drop_column(name)
        runs.add_column(sa.Column("pump_token", sa.String(length=40), nullable=True))
        runs.add_column(sa.Column("pump_leased_until", Moment(precision=53), nullable=True))
        runs.add_column(sa.Column("nudged_at", Moment(precision=53), nullable=True))
    op.drop_table("endpoint_states")
    op.drop_table("run_slots")
