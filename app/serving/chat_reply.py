"""An answer as the API tells it: whole, or in chunks."""

import json
import secrets
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from app.errors import SeedbedError
from app.serving.answerer import Pieces
from app.serving.problems import error_json
from app.training.plain.sampling import Piece

Json: TypeAlias = dict[str, Any]
"""A JSON object; `Any` because that is what JSON is."""


class ChatReply:
    """One answer's form: what all its parts have in common."""

    def __init__(self, model: str, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    def whole(self, pieces: Sequence[Piece]) -> Json:
        """A completion, from all pieces."""
        last = pieces[-1]
        choice = {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "".join(piece.text for piece in pieces),
                "refusal": None,
            },
            "logprobs": _logprobs([one for piece in pieces for one in piece.logprobs]),
            "finish_reason": last.finish_reason,
        }
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(last.tokens),
        }

    def events(self, pieces: Pieces, *, with_usage: bool) -> Generator[str, None, None]:
        """The chunks as server-sent events; a failure on the way is told as the last one."""
        tokens = 0
        try:
            with closing(pieces):
                yield self._chunk({"role": "assistant", "content": ""})
                for piece in pieces:
                    delta = {"content": piece.text} if piece.text else {}
                    tokens = piece.tokens
                    yield self._chunk(delta, piece)
        except SeedbedError as error:
            yield event(error_json(error))
            return
        if with_usage:
            yield event(self._chunk_head() | {"choices": [], "usage": self._usage(tokens)})
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: Json, piece: Piece | None = None) -> str:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": _logprobs(piece.logprobs) if piece else None,
            "finish_reason": piece.finish_reason if piece else None,
        }
        return event(self._chunk_head() | {"choices": [choice]})

    def _chunk_head(self) -> Json:
        return {**self._head, "object": "chat.completion.chunk"}

    def _usage(self, tokens: int) -> Json:
        return {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": tokens,
            "total_tokens": self._prompt_tokens + tokens,
        }


def _logprobs(told: Sequence[object]) -> Json | None:
    return {"content": list(told), "refusal": None} if told else None


def event(value: Json) -> str:
    """A server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
