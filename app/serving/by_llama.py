"""Served through the embedded llama.cpp server: the adapter is switched on and off by the request.

The prompt goes there as tokens, put together as in tuning. The base model there is quantized, so
answers are near to those that were measured in tuning, not always the same.
"""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any

import httpx

from app.errors import InvalidInput, StackError
from app.llm.model_server import SLOT_TOKENS
from app.llm.words import shorten
from app.serving.answerer import Answering, Pieces, Question, TooLong, room
from app.serving.served_tokenizer import ServedTokenizer
from app.serving.tuned import TunedModel
from app.training.plain.encoding import encode_prompt
from app.training.plain.sampling import Manner, Piece

_TIMEOUT = httpx.Timeout(900.0, connect=10.0)
"""Until the next token: all slots may be busy with long answers."""
_NO_SEED = 2**32 - 1
"""Means to llama.cpp that it is to draw one."""

Json = Mapping[str, Any]
"""A JSON object; `Any` because that is what JSON is."""


class LlamaAnswerer:
    """An `app.serving.answerer.Answerer`; several questions are answered at the same time.

    Args:
        url: Of a model server that has the adapter.
        tuned: What it was given.
        check: Raises `StackError` when that server has ended.
    """

    def __init__(self, url: str, tuned: TunedModel, check: Callable[[], None]) -> None:
        # A proxy named in the environment cannot reach our loopback. The server closes connections
        # that rest, perhaps while they are taken up again: each is used once.
        once = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url, timeout=_TIMEOUT, limits=once, trust_env=False)
        """The connections to that server."""
        self._data = tuned.options.data
        self.check = check
        self._tokenizer = ServedTokenizer(self.http, tuned.folder)

    def answer(self, question: Question) -> Answering:
        """Begin to answer, as soon as a slot is free."""
        prompt = encode_prompt(question.record, self._tokenizer, self._data)
        most = room(len(prompt), SLOT_TOKENS, question.most_tokens)
        body = _body(question, prompt, most)
        return Answering(len(prompt), self._pieces(body))

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _pieces(self, body: Json) -> Pieces:
        try:
            with self.http.stream("POST", "/completion", json=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise _refusal(response.status_code, response.read())
                finish_reason = None
                with closing(_events(response)) as events:
                    for piece in map(_piece, events):
                        finish_reason = piece.finish_reason
                        yield piece
                if finish_reason is None:
                    raise StackError("The model server broke off its answer.")
        except httpx.HTTPError as error:
            self.check()
            raise StackError(f"The model server stopped answering: {error}") from error


def _body(question: Question, prompt: tuple[int, ...], most_tokens: int) -> dict[str, Any]:
    manner = question.manner
    body: dict[str, Any] = {
        "prompt": list(prompt),
        "n_predict": most_tokens,
        "lora": [{"id": 0, "scale": 1.0 if question.tuned else 0.0}],
        "stream": True,
        **_sampling(manner),
    }
    if question.top_logprobs is not None:
        # Of the chosen token alone it tells with 1.
        body["n_probs"] = max(1, question.top_logprobs)
    if question.schema is not None:
        body["json_schema"] = dict(question.schema) or {"type": "object"}
    return body


def _sampling(manner: Manner) -> dict[str, Any]:
    """The API's meaning, without what llama.cpp adds of its own."""
    return {
        "temperature": manner.temperature,
        "top_p": manner.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "repeat_last_n": SLOT_TOKENS,
        "presence_penalty": manner.presence_penalty,
        "frequency_penalty": manner.frequency_penalty,
        "stop": list(manner.stop),
        "seed": _NO_SEED if manner.seed is None else manner.seed % _NO_SEED,
    }


def _events(response: httpx.Response) -> Generator[Json, None, None]:
    # Not the response's own way of splitting, which also takes characters for ends of lines that
    # JSON leaves as they are.
    rest = b""
    for received in response.iter_bytes():
        *lines, rest = (rest + received).split(b"\n")
        for line in lines:
            name, _, value = line.partition(b":")
            if name not in {b"data", b"error"} or value.strip() == b"[DONE]":
                continue
            event = json.loads(value)
            if name == b"error" or "error" in event:
                raise _refusal(500, value)
            yield event


def _piece(event: Json) -> Piece:
    logprobs = event.get("completion_probabilities") or ()
    told = tuple(_logprob(each) for each in logprobs)
    if not event.get("stop"):
        return Piece(event["content"], logprobs=told)
    is_cut = event.get("stop_type") == "limit"
    tokens = int(event["tokens_predicted"])
    return Piece(event["content"], "length" if is_cut else "stop", tokens, told)


def _logprob(told: Json) -> dict[str, Any]:
    """Without llama.cpp's own numbers of the tokens."""
    tops = [
        {key: top[key] for key in ("token", "logprob", "bytes")} for top in told["top_logprobs"]
    ]
    return {key: told[key] for key in ("token", "logprob", "bytes")} | {"top_logprobs": tops}


def _refusal(status: int, answer: bytes) -> InvalidInput | StackError:
    try:
        error = json.loads(answer)
        error = error.get("error", error)
        words, kind = str(error["message"]), str(error.get("type", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        words, kind = answer.decode("utf-8", errors="replace"), ""
    if kind == "exceed_context_size_error":
        return TooLong(shorten(words))
    if httpx.codes.is_client_error(status):
        return InvalidInput(f"The model server refuses this: {shorten(words)}")
    return StackError(f"The model server failed ({status}): {shorten(words)}")
