"""Cached, cache-write and estimated tokens of model replies."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("cached_tokens", "cache_write_tokens"):
        zero = sa.text("0")
        op.add_column(
            "completions", sa.Column(name, sa.Integer(), server_default=zero, nullable=False)
        )
    op.add_column(
        "completions",
        sa.Column("is_estimated", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    for name in ("cached_tokens", "cache_write_tokens", "is_estimated"):
        op.drop_column("completions", name)
