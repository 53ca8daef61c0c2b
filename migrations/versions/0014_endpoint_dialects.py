"""What endpoints refuse, for all workers; a batch keeps what was known when it was submitted."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "endpoint_dialects",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("address_sha256", sa.String(length=64), nullable=False),
        sa.Column("lessons", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", "model", name="pk_endpoint_dialects"),
    )
    op.add_column("batches", sa.Column("lessons", sa.JSON(), nullable=True))
    op.drop_column("batches", "length_name")


def downgrade() -> None:
    op.add_column("batches", sa.Column("length_name", sa.String(length=30), nullable=True))
    op.drop_column("batches", "lessons")
    op.drop_table("endpoint_dialects")
