"""Queries on model replies."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.pipeline.types import ChatPrompt, Completion, Request, Stage
from app.store.models import CompletionRow, PromptText


@dataclass(frozen=True, slots=True)
class Reply:
    """A completion with all that led to it."""

    work_item_id: int | None
    stage: Stage
    request: Request
    completion: Completion
    latency_s: float
    cost_usd: Decimal | None = None
    demonstrations: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run's replies add up to."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None
    """None when no reply had a known price."""


def add(session: Session, run_id: str, replies: Sequence[Reply]) -> list[int]:
    """Keep replies; their ids, in the same order."""
    if not replies:
        return []
    parts = [_parts(reply.request) for reply in replies]
    _keep_texts(session, {unchanging for unchanging, _ in parts})
    ids = [
        session.scalar(
            insert(CompletionRow)
            .values(run_id=run_id, **_columns(reply, unchanging, rest))
            .returning(CompletionRow.id)
        )
        for reply, (unchanging, rest) in zip(replies, parts, strict=True)
    ]
    return [id_ for id_ in ids if id_ is not None]


def _columns(reply: Reply, unchanging: str, rest: str) -> dict[str, Any]:
    completion = reply.completion
    return {
        "work_item_id": reply.work_item_id,
        "stage": reply.stage,
        "prompt_version": reply.request.prompt_version,
        "prompt_text_sha256": _sha256(unchanging),
        "prompt": rest,
        "demonstrations": list(reply.demonstrations),
        "parameters": asdict(reply.request.parameters),
        "model": completion.model,
        "reply": storable(completion.text),
        "finish_reason": completion.finish_reason[:40],
        "top_logprobs": (
            None
            if completion.top_logprobs is None
            else {storable(token): p for token, p in completion.top_logprobs.items()}
        ),
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "cost_usd": reply.cost_usd,
        "latency_s": reply.latency_s,
    }


def load(session: Session, completion_id: int) -> Completion:
    """Load a reply as the method reads it."""
    row = session.get_one(CompletionRow, completion_id)
    return Completion(
        text=row.reply,
        finish_reason=row.finish_reason,
        model=row.model,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        top_logprobs=row.top_logprobs,
    )


def of_stage(session: Session, run_id: str, stage: Stage) -> list[Completion]:
    """Load all replies of a small stage."""
    ids = session.scalars(
        select(CompletionRow.id).where(CompletionRow.run_id == run_id, CompletionRow.stage == stage)
    ).all()
    return [load(session, id_) for id_ in ids]


def totals(session: Session, run_id: str) -> Totals:
    """Add up what a run's replies took."""
    calls, prompt_tokens, completion_tokens, cost = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(CompletionRow.prompt_tokens), 0),
            func.coalesce(func.sum(CompletionRow.completion_tokens), 0),
            func.sum(CompletionRow.cost_usd),
        ).where(CompletionRow.run_id == run_id)
    ).one()
    return Totals(calls, int(prompt_tokens), int(completion_tokens), cost)


def storable(text: str) -> str:
    """Text every database takes: PostgreSQL refuses NUL, UTF-8 refuses halves of surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _parts(request: Request) -> tuple[str, str]:
    """Split a prompt into what is the same in every call of its stage, and the rest."""
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        *unchanging, last = prompt.messages
        turns = [{"role": m.role, "content": m.content} for m in unchanging]
        return json.dumps(turns, ensure_ascii=False), last.content
    return prompt.text[: prompt.unchanging], prompt.text[prompt.unchanging :]


def _keep_texts(session: Session, texts: set[str]) -> None:
    dialect = session.get_bind().dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    rows = [{"sha256": _sha256(text), "text": text} for text in sorted(texts)]
    session.execute(make(PromptText).on_conflict_do_nothing(), rows)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
