"""API keys."""

import sqlalchemy as sa
from alembic import op

import app.store.types

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
            app.store.types.Moment(precision=53),
            server_default=app.store.types.epoch_now(),
            nullable=False,
        ),
        sa.Column("last_used_at", app.store.types.Moment(precision=53), nullable=True),
        sa.Column("revoked_at", app.store.types.Moment(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_sha256", name=op.f("uq_api_keys_key_sha256")),
    )


def downgrade() -> None:
    op.drop_table("api_keys")
