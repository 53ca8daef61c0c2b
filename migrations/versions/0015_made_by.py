"""The API key that made a thing: only that key, and keys with the scope admin, may change it."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES = ("seed_sets", "runs", "datasets", "training_jobs", "training_reviews")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("made_by", sa.String(length=40), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "made_by")
