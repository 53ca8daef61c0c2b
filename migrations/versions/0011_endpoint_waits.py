"""Since when an endpoint has only throttled."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("endpoint_states") as batch_op:
        batch_op.add_column(sa.Column("throttled_since", Moment(precision=53), nullable=True))
        batch_op.add_column(sa.Column("throttle", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("endpoint_states") as batch_op:
        batch_op.drop_column("throttle")
        batch_op.drop_column("throttled_since")
