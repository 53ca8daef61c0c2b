"""First tables."""

import sqlalchemy as sa
from alembic import op

from migrations import column_types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prompt_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_prompt_texts")),
    )
    op.create_table(
        "seed_sets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("task_count", sa.Integer(), nullable=False),
        sa.Column("classification_count", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seed_sets")),
        sa.UniqueConstraint("content_sha256", name=op.f("uq_seed_sets_content_sha256")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("seed_set_id", sa.String(length=40), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("capabilities", sa.JSON(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("accepted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tickets_issued", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tickets_admitted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("barren_tickets", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("complete_at_resume", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("classification_bias", sa.Double(), nullable=True),
        sa.Column("pump_token", sa.String(length=40), nullable=True),
        sa.Column("pump_leased_until", column_types.Moment(precision=53), nullable=True),
        sa.Column("nudged_at", column_types.Moment(precision=53), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("request_sha256", sa.String(length=64), nullable=True),
        sa.Column(
            "created_at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.Column("started_at", column_types.Moment(precision=53), nullable=True),
        sa.Column("ended_at", column_types.Moment(precision=53), nullable=True),
        sa.ForeignKeyConstraint(
            ["seed_set_id"], ["seed_sets.id"], name=op.f("fk_runs_seed_set_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_runs_idempotency_key")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_runs_seed_set_id"), ["seed_set_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_runs_status"), ["status"], unique=False)

    op.create_table(
        "seed_tasks",
        sa.Column("seed_set_id", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.Column("is_classification", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seed_set_id"], ["seed_sets.id"], name=op.f("fk_seed_tasks_seed_set_id")
        ),
        sa.PrimaryKeyConstraint("seed_set_id", "position", name=op.f("pk_seed_tasks")),
    )
    op.create_table(
        "completions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("work_item_id", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("prompt_text_sha256", sa.String(length=64), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("demonstrations", sa.JSON(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("finish_reason", sa.String(length=40), nullable=False),
        sa.Column("top_logprobs", sa.JSON(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost_usd", column_types.Dollars(), nullable=True),
        sa.Column("latency_s", sa.Double(), nullable=False),
        sa.Column(
            "created_at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["prompt_text_sha256"],
            ["prompt_texts.sha256"],
            name=op.f("fk_completions_prompt_text_sha256"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_completions_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
    )
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_completions_run_id_id"), ["run_id", "id"], unique=False
        )

    op.create_table(
        "instances",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_instances_run_id")),
        sa.PrimaryKeyConstraint("run_id", "sequence", "position", name=op.f("pk_instances")),
    )
    op.create_table(
        "instructions",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=False),
        sa.Column("neighbours", sa.JSON(), nullable=False),
        sa.Column("is_classification", sa.Boolean(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("classified_by", sa.BigInteger(), nullable=True),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column(
            "created_at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_instructions_run_id")),
        sa.PrimaryKeyConstraint("run_id", "sequence", name=op.f("pk_instructions")),
    )
    with op.batch_alter_table("instructions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_instructions_run_id_is_complete"),
            ["run_id", "is_complete"],
            unique=False,
        )

    op.create_table(
        "rejections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("neighbour", sa.JSON(), nullable=True),
        sa.Column("completion_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_rejections_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejections")),
    )
    with op.batch_alter_table("rejections", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rejections_run_id_id"), ["run_id", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_rejections_run_id_stage_reason"),
            ["run_id", "stage", "reason"],
            unique=False,
        )

    op.create_table(
        "run_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column(
            "at",
            column_types.Moment(precision=53),
            server_default=column_types.epoch_now(),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_events_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_events")),
    )
    with op.batch_alter_table("run_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_run_events_run_id_id"), ["run_id", "id"], unique=False)

    op.create_table(
        "work_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_work_items_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_items")),
    )
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.create_index(
            "ix_work_items_open",
            ["run_id", "priority", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            batch_op.f("ix_work_items_run_id_stage_ordinal"),
            ["run_id", "stage", "ordinal"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_work_items_run_id_stage_state"),
            ["run_id", "stage", "state"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("work_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_items_run_id_stage_state"))
        batch_op.drop_index(batch_op.f("ix_work_items_run_id_stage_ordinal"))
        batch_op.drop_index(
            "ix_work_items_open",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.drop_table("work_items")
    with op.batch_alter_table("run_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_run_events_run_id_id"))

    op.drop_table("run_events")
    with op.batch_alter_table("rejections", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rejections_run_id_stage_reason"))
        batch_op.drop_index(batch_op.f("ix_rejections_run_id_id"))

    op.drop_table("rejections")
    with op.batch_alter_table("instructions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_instructions_run_id_is_complete"))

    op.drop_table("instructions")
    op.drop_table("instances")
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_completions_run_id_id"))

    op.drop_table("completions")
    op.drop_table("seed_tasks")
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_runs_status"))
        batch_op.drop_index(batch_op.f("ix_runs_seed_set_id"))

    op.drop_table("runs")
    op.drop_table("seed_sets")
    op.drop_table("prompt_texts")
