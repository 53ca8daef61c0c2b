"""Mean similarity of an accepted instruction to the pool."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instructions", sa.Column("mean_similarity", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("instructions", "mean_similarity")
