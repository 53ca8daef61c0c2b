"""The classification of Batch API errors: rows that come before those for model calls.

The same status means something else for a batch than for a model call. After a `BatchApiError`,
normal calls still work; an `ItemError` is about the batch as a whole.
"""

import re

from app.errors import BatchApiError, ItemError, Outage, Throttled
from app.llm.classify_errors import TABLE, Failure, Row

_NEVER_ASKED = ("batch_expired", "batch_cancel", "batch_failed")
_FULL = ("token_limit_exceeded", "request_limit_exceeded", "batch_limit_exceeded")
_BROKE = ("server_error", "internal_error")
_NO_FILE = re.compile(
    r"(cannot|can't|could not) find file|no such file|\bfile\b.{0,80} not found",
    re.IGNORECASE | re.DOTALL,
)
_ROWS = {row.name: row for row in TABLE}


def _has(failure: Failure, codes: tuple[str, ...]) -> bool:
    return any(code in failure.code for code in codes)


def _whole(failure: Failure) -> bool:
    """Return True when a batch was refused, and not because of the account or the model."""
    return (
        failure.about in ("batch API", "failed batch")
        and failure.cause == "status"
        and not any(_ROWS[name].applies(failure) for name in ("quota", "model"))
    )


BATCH_TABLE: tuple[Row, ...] = (
    Row(
        "never asked",
        lambda f: _has(f, _NEVER_ASKED),
        Throttled,
        "The batch ended before this request was processed.",
    ),
    Row(
        "full",
        lambda f: f.about != "call" and _has(f, _FULL),
        Throttled,
        "The endpoint's limit of queued batch work is reached.",
    ),
    # Seen at OpenAI when many files are uploaded: the batch arrives before its file is known.
    Row(
        "file not known yet",
        lambda f: _whole(f) and f.status == 400 and bool(_NO_FILE.search(f.words)),
        Outage,
        "The endpoint does not know the uploaded file yet.",
    ),
    Row(
        "no batch API",
        lambda f: _whole(f) and f.status in (404, 405, 410, 501),
        BatchApiError,
        "This endpoint has no batch API; normal calls still work.",
    ),
    Row(
        "no such batch",
        lambda f: f.about == "batch" and f.status in (400, 404, 405, 410, 422, 501),
        BatchApiError,
        "The endpoint does not know this batch or its file any more: did OPENAI_BASE_URL or"
        " OPENAI_API_KEY change after it was sent?",
    ),
    Row(
        "batch broke",
        lambda f: f.about == "failed batch" and _has(f, _BROKE),
        Outage,
        "The endpoint failed to process the batch; it can be sent again.",
    ),
    Row(
        "batch refused",
        lambda f: _whole(f) and f.status in (0, 400, 409, 413, 415, 422),
        ItemError,
        "The endpoint refused the batch; its requests can be sent as normal calls.",
    ),
    *TABLE,
)
