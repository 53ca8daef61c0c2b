"""What a run waits for, which calls were refused, and the model that each call asked."""

import sqlalchemy as sa
from alembic import op

from migrations.column_types import Moment

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("waiting_since", Moment(precision=53), nullable=True))
        runs.add_column(sa.Column("waiting_kind", sa.String(length=20), nullable=True))
        runs.add_column(sa.Column("waiting_message", sa.Text(), nullable=True))
        runs.add_column(sa.Column("waiting_event_at", Moment(precision=53), nullable=True))
        runs.add_column(
            sa.Column("refusals", sa.JSON(), server_default=sa.text("'{}'"), nullable=False)
        )
    with op.batch_alter_table("completions") as replies:
        replies.add_column(sa.Column("requested_model", sa.String(length=200), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("completions") as replies:
        replies.drop_column("requested_model")
    with op.batch_alter_table("runs") as runs:
        for name in (
            "refusals",
            "waiting_event_at",
            "waiting_message",
            "waiting_kind",
            "waiting_since",
        ):
            runs.drop_column(name)
