"""The endpoints that a run has set aside, and the wait that one that is down asks for."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Moment

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as batch_op:
        batch_op.add_column(
            sa.Column("set_aside", sa.JSON(), server_default=sa.text("'{}'"), nullable=False)
        )
    with op.batch_alter_table("endpoint_states") as batch_op:
        batch_op.add_column(sa.Column("down_until", Moment(precision=53), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("runs") as batch_op:
        batch_op.drop_column("set_aside")
    with op.batch_alter_table("endpoint_states") as batch_op:
        batch_op.drop_column("down_until")
