"""Columns renamed to the field's terms; no value changes."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RENAMED = (
    ("runs", "barren_tickets", "unproductive_tickets"),
    ("runs", "written_off_calls", "presumed_spent_calls"),
    ("runs", "written_off_tokens", "presumed_spent_tokens"),
    ("runs", "written_off_usd", "presumed_spent_usd"),
    ("runs", "rests_until", "idle_until"),
    ("run_slots", "nudged_at", "notified_at"),
    ("datasets", "nudged_at", "notified_at"),
    ("training_jobs", "nudged_at", "notified_at"),
    ("training_jobs", "news", "report_count"),
    ("training_jobs", "wanted_dataset", "requested_dataset"),
    ("training_jobs", "making", "pending_dataset_id"),
    ("endpoint_states", "held_until", "throttled_until"),
    ("endpoint_states", "away_since", "down_since"),
)


def upgrade() -> None:
    for table, before, after in _RENAMED:
        _rename(table, before, after)


def downgrade() -> None:
    for table, before, after in _RENAMED:
        _rename(table, after, before)


def _rename(table: str, before: str, after: str) -> None:
    # Both databases rename in place; Alembic's batch mode would copy the whole table on SQLite.
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")
