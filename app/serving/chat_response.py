"""The response of a chat completion: as a whole, or as chunks."""

import json
import secrets
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, TypeAlias

from app.errors import SeedbedError
from app.serving.answerer import AnswerChunks
from app.serving.problems import error_json
from app.training.plain.sampling_options import AnswerChunk

Json: TypeAlias = dict[str, Any]
"""A JSON object, so `Any`."""


class ChatResponse:
    """The common parts of a response."""

    def __init__(self, model: str, prompt_tokens: int) -> None:
        self._prompt_tokens = prompt_tokens
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    def whole(self, chunks: Sequence[AnswerChunk]) -> Json:
        """Return a completion made of all chunks."""
        last = chunks[-1]
        choice = {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "".join(chunk.text for chunk in chunks),
                "refusal": None,
            },
            "logprobs": _logprobs([one for chunk in chunks for one in chunk.logprobs]),
            "finish_reason": last.finish_reason,
        }
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self._usage(last.tokens),
        }

    def events(self, chunks: AnswerChunks, *, with_usage: bool) -> Generator[str, None, None]:
        """Yield the chunks as server-sent events; a failure becomes the last event."""
        tokens = 0
        try:
            with closing(chunks):
                yield self._chunk({"role": "assistant", "content": ""})
                for chunk in chunks:
                    delta = {"content": chunk.text} if chunk.text else {}
                    tokens = chunk.tokens
                    yield self._chunk(delta, chunk)
        except SeedbedError as error:
            yield event(error_json(error))
            return
        if with_usage:
            yield event(self._chunk_head() | {"choices": [], "usage": self._usage(tokens)})
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: Json, chunk: AnswerChunk | None = None) -> str:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": _logprobs(chunk.logprobs) if chunk else None,
            "finish_reason": chunk.finish_reason if chunk else None,
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


def _logprobs(tokens: Sequence[object]) -> Json | None:
    return {"content": list(tokens), "refusal": None} if tokens else None


def event(value: Json) -> str:
    """Return a server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
