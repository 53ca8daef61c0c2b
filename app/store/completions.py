"""Queries on model replies."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.pipeline.types import ChatPrompt, Completion, Request, Stage
from app.store.made import CompletionRow, PromptText
from app.store.table import core

_TABLE = core(CompletionRow)


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
    call: str | None = None
    """Our own name for the call; None for the preflight's."""
    endpoint: str | None = None
    request_sha256: str | None = None
    """Only where the reply may be used again."""
    reused_from: int | None = None
    """The stored reply that this one is; None: it was asked for and paid."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply that is stored already."""

    id: int
    completion: Completion


def add(
    session: Session, run_id: str, replies: Sequence[Reply], *, spare: Collection[str] = ()
) -> list[int]:
    """Keep replies; their ids, in the same order. `spare`: the calls whose replies wait for use."""
    if not replies:
        return []
    parts = [_parts(reply.request) for reply in replies]
    texts = {unchanging: _sha256(unchanging) for unchanging, _ in parts}
    _keep_texts(session, texts)
    rows = [
        _columns(reply, texts[unchanging], rest)
        | {"run_id": run_id, "is_spare": reply.call in spare}
        for reply, (unchanging, rest) in zip(replies, parts, strict=True)
    ]
    made = insert(_TABLE).returning(_TABLE.c.id, sort_by_parameter_order=True)
    return list(session.scalars(made, rows))


def _columns(reply: Reply, text_sha256: str, rest: str) -> dict[str, Any]:
    completion = reply.completion
    return {
        "work_item_id": reply.work_item_id,
        "call": reply.call,
        "request_sha256": reply.request_sha256,
        "reused_from": reply.reused_from,
        "endpoint": reply.endpoint,
        "reply_id": completion.reply_id,
        "stage": reply.stage,
        "prompt_version": reply.request.prompt_version,
        "prompt_text_sha256": text_sha256,
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


_READ = (
    CompletionRow.id,
    CompletionRow.reply,
    CompletionRow.finish_reason,
    CompletionRow.model,
    CompletionRow.prompt_tokens,
    CompletionRow.completion_tokens,
    CompletionRow.top_logprobs,
    CompletionRow.reply_id,
)


def load(session: Session, ids: Collection[int]) -> dict[int, Completion]:
    """Load replies, by id, as the method reads them."""
    return {kept.id: kept.completion for kept in _find(session, CompletionRow.id.in_(ids))}


def of_stage(session: Session, run_id: str, stage: Stage) -> list[Completion]:
    """Load all replies of a small stage."""
    found = _find(session, CompletionRow.run_id == run_id, CompletionRow.stage == stage)
    return [kept.completion for kept in found]


def _find(session: Session, *which: ColumnElement[bool]) -> list[Kept]:
    rows = session.execute(select(*_READ).where(*which).order_by(CompletionRow.id))
    return [Kept(id_, Completion(*fields)) for id_, *fields in rows]


def known_calls(session: Session, item_ids: Collection[int]) -> set[str]:
    """Name the calls about these items whose replies are stored."""
    found = select(CompletionRow.call).where(CompletionRow.work_item_id.in_(item_ids))
    return {call for call in session.scalars(found) if call is not None}


def spares(session: Session, item_ids: Collection[int]) -> Mapping[int, Kept]:
    """Find stored replies that nobody has used, by item."""
    spare = (CompletionRow.work_item_id.in_(item_ids), CompletionRow.is_spare)
    rows = session.execute(select(CompletionRow.work_item_id, *_READ).where(*spare))
    return {item_id: Kept(id_, Completion(*fields)) for item_id, id_, *fields in rows}


def use(session: Session, ids: Collection[int]) -> None:
    """Note that these replies are spare no more."""
    used = update(CompletionRow).where(CompletionRow.id.in_(ids))
    session.execute(used.values(is_spare=False))


def reusable(session: Session, keys: Collection[str]) -> Mapping[str, Kept]:
    """Find paid replies to exactly these requests, of any run."""
    same = (CompletionRow.request_sha256.in_(keys), CompletionRow.reused_from.is_(None))
    rows = session.execute(select(CompletionRow.request_sha256, *_READ).where(*same))
    return {str(key): Kept(id_, Completion(*fields)) for key, id_, *fields in rows}


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


def _keep_texts(session: Session, texts: Mapping[str, str]) -> None:
    dialect = session.get_bind().dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    # In one order everywhere, or two pumps would wait for each other.
    rows = [{"sha256": texts[text], "text": text} for text in sorted(texts)]
    session.execute(make(core(PromptText)).on_conflict_do_nothing(), rows)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
