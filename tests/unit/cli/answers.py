"""Answers of the API as JSON, for the stand-in service."""

from app.pipeline.options import RunOptions

USAGE = {
    "calls": 10,
    "prompt_tokens": 1000,
    "cached_tokens": 450,
    "completion_tokens": 200,
    "estimated_calls": 2,
    "cost_usd": "0.0123",
}
AMOUNT = {"calls": 0, "tokens": 0, "cost_usd": "0"}
MET = {"status": "succeeded", "end_reason": "target_met", "stage": None}


def seed_set_json(**changes: object) -> dict[str, object]:
    seed_set: dict[str, object] = {
        "id": "s1",
        "name": "seeds",
        "task_count": 1,
        "classification_count": 0,
        "content_sha256": "ab",
        "licence": None,
        "created_at": "2026-01-02T03:04:05Z",
    }
    return {**seed_set, **changes}


def run_json(**changes: object) -> dict[str, object]:
    """A run that grows seeds: three of ten instructions are accepted."""
    run: dict[str, object] = {
        "id": "r1",
        "status": "running",
        "stage": "generate",
        "end_reason": None,
        "message": None,
        "created_at": "2026-01-02T03:04:05Z",
        "started_at": None,
        "ended_at": None,
        "seed_set_id": "s1",
        "dataset_id": None,
        "profile": "default",
        "model": "m",
        "options": RunOptions().model_dump(mode="json"),
        "capabilities": None,
        "classification_bias": None,
        "progress": {
            "accepted": 3,
            "target": 10,
            "acceptance_rate": 0.5,
            "complete": 1,
            "instances": 4,
            "calls_in_air": 2,
            "tokens_per_s": 99.6,
            "time_left_s": 75.0,
        },
        "stages": {"generate": {"open": 5, "in_air": 2, "done": 7, "dead": 1}},
        "funnel": {
            "asked": 16,
            "parsed": 12,
            "rejected": {"too_short": 2, "near_duplicate": 4},
            "accepted": 3,
            "classification": 1,
            "not_classification": 2,
            "unknown": 0,
            "instances_rejected": {},
            "instances": 4,
        },
        "tokens": {"prompt": 1000, "completion": 200},
        "usage": USAGE,
        "usage_by_stage": {"generate": USAGE},
        "cost_usd": None,
        "budget": {
            "caps": {"max_calls": None, "max_tokens": None, "max_cost_usd": None},
            "in_air": AMOUNT,
            "written_off": AMOUNT,
        },
        "training_job_ids": [],
    }
    return {**run, **changes}


def review_json(**changes: object) -> dict[str, object]:
    """A run that reviews ten rows: seven are reviewed and five kept."""
    review: dict[str, object] = {
        "seed_set_id": None,
        "dataset_id": "d1",
        "profile": "judge",
        "stage": "review",
        "options": RunOptions(profile="judge").model_dump(mode="json"),
        "stages": {"review": {"open": 3, "in_air": 0, "done": 6, "dead": 1}},
        "progress": {
            "accepted": 5,
            "target": 10,
            "complete": 7,
            "acceptance_rate": 5 / 7,
            "instances": 5,
            "calls_in_air": 0,
            "tokens_per_s": None,
            "time_left_s": None,
        },
        "funnel": {
            "asked": 11,
            "parsed": 7,
            "rejected": {"judged_low": 1, "judge_failed": 1},
            "accepted": 5,
            "classification": 0,
            "not_classification": 0,
            "unknown": 0,
            "instances_rejected": {"unreadable": 3},
            "instances": 5,
        },
    }
    return run_json(**{**review, **changes})


def estimate_json(**changes: object) -> dict[str, object]:
    stage = {"calls": 10, "prompt_tokens": 800, "completion_tokens": 70}
    estimate: dict[str, object] = {
        "calls": 1200,
        "prompt_tokens": 90_000,
        "completion_tokens": 8_000,
        "cost_usd": "0.5",
        "stages": {"review": stage},
        "accepted_per_call": 1.0,
        "from_experience": False,
    }
    return {**estimate, **changes}


def dataset_json(**changes: object) -> dict[str, object]:
    dataset: dict[str, object] = {
        "id": "d1",
        "name": "cooking",
        "version": 1,
        "state": "ready",
        "is_import": False,
        "message": None,
        "row_count": 1234,
        "dropped_count": 5,
        "content_sha256": "ab",
        "recipe": {},
        "created_at": "2026-01-02T03:04:05Z",
        "ended_at": None,
    }
    return {**dataset, **changes}


def job_json(**changes: object) -> dict[str, object]:
    """A training job that has not begun."""
    job: dict[str, object] = {
        "id": "training_1",
        "made_by": None,
        "kind": "training",
        "dataset_id": "d1",
        "run_id": None,
        "options": {},
        "status": "queued",
        "message": None,
        "step": 0,
        "steps": None,
        "loss": None,
        "learning_rate": None,
        "created_at": "2026-01-02T03:04:05Z",
        "started_at": None,
        "ended_at": None,
        "log_tail": "",
        "evaluation": None,
    }
    return {**job, **changes}


def running_job_json(**changes: object) -> dict[str, object]:
    """A training job at its third of nine steps."""
    options = {"base_model": "embedded", "method": {"name": "dora"}}
    running = {"status": "running", "step": 3, "steps": 9, "loss": 0.5, "options": options}
    return job_json(**{**running, **changes})


def evaluation_json(*findings: str) -> dict[str, object]:
    return {
        "title": "t",
        "tasks": 1,
        "classification_tasks": 0,
        "drawing": {},
        "models": [],
        "words": list(findings),
    }
