"""Queries on model replies."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from app.pipeline.types import ChatPrompt, Completion, Message, Parameters, Request, Stage
from app.store.declarative import core, draw_ids
from app.store.tables.completions import CompletionRow, PromptText

_TABLE = core(CompletionRow)


@dataclass(frozen=True, slots=True)
class Reply:
    """A completion with the request that led to it."""

    work_item_id: int | None
    stage: Stage
    request: Request
    completion: Completion
    latency_s: float
    cost_usd: Decimal | None = None
    demonstrations: Sequence[dict[str, Any]] = ()
    call: str | None = None
    """Our own name for the call."""
    endpoint: str | None = None
    requested_model: str | None = None
    """The model that was asked, by the run's name for it; None: not known."""
    request_sha256: str | None = None
    """Only where the reply may be used again."""
    reused_from: int | None = None
    """The stored reply that is used again; None: it was asked for and paid."""
    batch_id: str | None = None
    """The batch it came from; None: a call of its own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored reply."""

    id: int
    completion: Completion


def add(
    session: Session, run_id: str, replies: Sequence[Reply], *, spare: Collection[str] = ()
) -> list[int]:
    """Store replies; return their ids, in the same order. `spare`: calls with unused replies."""
    if not replies:
        return []
    parts = [_parts(reply.request) for reply in replies]
    _keep_texts(session, {text for text, _ in parts})
    ids = draw_ids(session, _TABLE, len(replies))
    rows = [
        _columns(reply, text.sha256, rest)
        | {"id": id_, "run_id": run_id, "is_spare": reply.call in spare}
        for id_, reply, (text, rest) in zip(ids, replies, parts, strict=True)
    ]
    session.connection().execute(insert(_TABLE), rows)
    return ids


def _columns(reply: Reply, text_sha256: str, rest: str) -> dict[str, Any]:
    completion = reply.completion
    return {
        "work_item_id": reply.work_item_id,
        "call": reply.call,
        "request_sha256": reply.request_sha256,
        "reused_from": reply.reused_from,
        "endpoint": reply.endpoint,
        "batch_id": reply.batch_id,
        "reply_id": completion.reply_id,
        "stage": reply.stage,
        "prompt_version": reply.request.prompt_version,
        "prompt_text_sha256": text_sha256,
        "prompt": rest,
        "demonstrations": list(reply.demonstrations),
        "parameters": _sent(reply.request),
        "model": completion.model,
        "requested_model": reply.requested_model,
        "reply": storable(completion.text),
        "reasoning": None if completion.reasoning is None else storable(completion.reasoning),
        "finish_reason": completion.finish_reason[:40],
        "top_logprobs": (
            None
            if completion.top_logprobs is None
            else {storable(token): p for token, p in completion.top_logprobs.items()}
        ),
        "prompt_tokens": completion.prompt_tokens,
        "cached_tokens": completion.cached_tokens,
        "cache_write_tokens": completion.cache_write_tokens,
        "completion_tokens": completion.completion_tokens,
        "is_estimated": completion.is_estimated,
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
    CompletionRow.reasoning,
    CompletionRow.cached_tokens,
    CompletionRow.cache_write_tokens,
    CompletionRow.is_estimated,
)


def load(session: Session, ids: Collection[int]) -> dict[int, Completion]:
    """Load replies by id."""
    return {kept.id: kept.completion for kept in _find(session, CompletionRow.id.in_(ids))}


def of_stage(
    session: Session, run_id: str, stage: Stage, model: str, extra_body: Mapping[str, Any]
) -> list[Completion]:
    """Load all replies of a small stage to questions that were sent to a model in this way.

    Args:
        session: of the transaction.
        run_id: the run.
        stage: the stage.
        model: the model that was asked.
        extra_body: the further fields of the calls, which may change what the model answers.
    """
    # Null: stored before runs could change their model.
    same = or_(CompletionRow.requested_model == model, CompletionRow.requested_model.is_(None))
    which = (CompletionRow.run_id == run_id, CompletionRow.stage == stage, same)
    sent = session.execute(select(CompletionRow.id, CompletionRow.parameters).where(*which))
    ids = [id_ for id_, parameters in sent if parameters.get("extra_body", {}) == extra_body]
    return [kept.completion for kept in _find(session, CompletionRow.id.in_(ids))]


def _find(session: Session, *which: ColumnElement[bool]) -> list[Kept]:
    rows = session.execute(select(*_READ).where(*which).order_by(CompletionRow.id))
    return [Kept(id_, Completion(*fields)) for id_, *fields in rows]


def known_calls(session: Session, item_ids: Collection[int]) -> set[str]:
    """Return the calls about these items whose replies are stored."""
    found = select(CompletionRow.call).where(CompletionRow.work_item_id.in_(item_ids))
    return {call for call in session.scalars(found) if call is not None}


def any_of_calls(session: Session, run_id: str, calls: Collection[str | None]) -> bool:
    """Return True when the reply of one of these preflight calls is stored."""
    of_run = (CompletionRow.run_id == run_id, CompletionRow.stage == Stage.PREFLIGHT)
    return bool(session.scalar(select(exists().where(*of_run, CompletionRow.call.in_(calls)))))


def spares(session: Session, item_ids: Collection[int]) -> Mapping[int, Kept]:
    """Find stored replies that are not used yet, by item."""
    spare = (CompletionRow.work_item_id.in_(item_ids), CompletionRow.is_spare)
    rows = session.execute(select(CompletionRow.work_item_id, *_READ).where(*spare))
    return {item_id: Kept(id_, Completion(*fields)) for item_id, id_, *fields in rows}


def record_used(session: Session, ids: Collection[int]) -> None:
    """Record that these spare replies are used."""
    used = update(CompletionRow).where(CompletionRow.id.in_(ids))
    session.execute(used.values(is_spare=False))


def reusable(session: Session, keys: Collection[str]) -> Mapping[str, Kept]:
    """Find paid replies to exactly these requests, of any run, by request hash."""
    same = (CompletionRow.request_sha256.in_(keys), CompletionRow.reused_from.is_(None))
    rows = session.execute(select(CompletionRow.request_sha256, *_READ).where(*same))
    return {str(key): Kept(id_, Completion(*fields)) for key, id_, *fields in rows}


def storable(text: str) -> str:
    """Replace what a database refuses in a text: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


class _Text(NamedTuple):
    """The part of a prompt that is the same in every call of its stage."""

    text: str
    sha256: str


def _parts(request: Request) -> tuple[_Text, str]:
    """Split a prompt into what is the same in every call of its stage, and the rest."""
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt):
        return _turns(prompt.messages[:-1]), prompt.messages[-1].content
    return _text(prompt.text[: prompt.unchanging]), prompt.text[prompt.unchanging :]


# A run has a few of these, and asks with each of them thousands of times.
@lru_cache(maxsize=64)
def _turns(messages: tuple[Message, ...]) -> _Text:
    turns = [{"role": m.role, "content": m.content} for m in messages]
    return _text(json.dumps(turns, ensure_ascii=False))


@lru_cache(maxsize=64)
def _text(text: str) -> _Text:
    return _Text(text, hashlib.sha256(text.encode()).hexdigest())


def _sent(request: Request) -> dict[str, Any]:
    parameters = _parameters(request.parameters)
    extra = request.extra_body
    return {**parameters, "extra_body": dict(extra)} if extra else parameters


@lru_cache(maxsize=64)
def _parameters(parameters: Parameters) -> dict[str, Any]:
    return asdict(parameters)


def request_sha256(request: Request, model: str) -> str:
    """Hash a whole request with its model: equal requests, and no others, have the same hash."""
    unchanging, rest = _parts(request)
    schema = request.prompt.schema if isinstance(request.prompt, ChatPrompt) else None
    form = None if schema is None else dict(schema)
    kind = type(request.prompt).__name__
    whole = [kind, model, unchanging.sha256, rest, form, repr(request.parameters)]
    if request.extra_body:
        whole.append(dict(request.extra_body))
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def _keep_texts(session: Session, texts: set[_Text]) -> None:
    dialect = session.get_bind().dialect.name
    make = sqlite_insert if dialect == "sqlite" else postgresql_insert
    # In one order everywhere, or two pumps could deadlock.
    rows = [{"sha256": text.sha256, "text": text.text} for text in sorted(texts)]
    session.connection().execute(make(core(PromptText)).on_conflict_do_nothing(), rows)
