"""API keys."""

import sqlalchemy as sa
from alembic import op

from migrations import column_types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column(
            "created_at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.Column("last_used_at", column_types.Moment(precision=53), nullable=True),
        sa.Column("revoked_at", column_types.Moment(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_sha256", name=op.f("uq_api_keys_key_sha256")),
    )


def downgrade() -> None:
    op.drop_table("api_keys")
