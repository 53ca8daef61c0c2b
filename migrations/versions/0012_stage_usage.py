"""The usage of runs by stage and model, summed up from their replies."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Dollars

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_SUMS = """
    INSERT INTO stage_usage (run_id, stage, model, calls, prompt_tokens, cached_tokens,
        cache_write_tokens, completion_tokens, estimated_calls, cost_usd)
    SELECT c.run_id, c.stage, r.model, count(*), sum(c.prompt_tokens), sum(c.cached_tokens),
        sum(c.cache_write_tokens), sum(c.completion_tokens),
        sum(CASE WHEN c.is_estimated THEN 1 ELSE 0 END), sum(c.cost_usd)
    FROM completions c JOIN runs r ON r.id = c.run_id
    WHERE c.reused_from IS NULL
    GROUP BY c.run_id, c.stage, r.model
"""


def upgrade() -> None:
    zero = sa.text("0")
    op.create_table(
        "stage_usage",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), server_default=zero, nullable=False),
        sa.Column("estimated_calls", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("cost_usd", Dollars(), nullable=True),
        sa.Column("largest_prompt_tokens", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("largest_completion_tokens", sa.Integer(), server_default=zero, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_stage_usage_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stage", "model", name=op.f("pk_stage_usage")),
    )
    op.execute(_SUMS)


def downgrade() -> None:
    op.drop_table("stage_usage")
