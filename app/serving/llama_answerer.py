"""Answers by the embedded llama.cpp server, which switches the adapter on and off per request.

The prompt is sent as tokens, built as in training. The base model is quantized there, so answers
are close to those of the evaluation, not always equal.
"""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any

import httpx

from app.errors import InvalidInput, StackError, TooLong
from app.llm.model_server import SLOT_TOKENS
from app.llm.provider_text import shorten
from app.serving.answerer import AnswerChunks, AnswerStream, Question, answer_limit
from app.serving.served_tokenizer import ServedTokenizer
from app.serving.tuned_model import TunedModel
from app.training.plain.encoding import encode_prompt
from app.training.plain.sampling_options import AnswerChunk, SamplingOptions

_TIMEOUT = httpx.Timeout(900.0, connect=10.0)
"""Until the next token: all slots may be busy with long answers."""
_NO_SEED = 2**32 - 1
"""Makes llama.cpp draw a seed."""

Json = Mapping[str, Any]
"""A JSON object, so `Any`."""


class LlamaAnswerer:
    """An `app.serving.answerer.Answerer` that answers several questions at the same time.

    Args:
        url: Address of a model server with the adapter.
        tuned: The tuned model.
        check: Raises `StackError` when that server has ended.
    """

    def __init__(self, url: str, tuned: TunedModel, check: Callable[[], None]) -> None:
        # A proxy of the environment cannot reach loopback. The server closes idle connections,
        # perhaps just as one is reused: each is used once.
        once = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url, timeout=_TIMEOUT, limits=once, trust_env=False)
        """Connections to that server."""
        self._data = tuned.options.data
        self.check = check
        self._tokenizer = ServedTokenizer(self.http, tuned.folder)

    def answer(self, question: Question) -> AnswerStream:
        """Start an answer as soon as a slot is free."""
        prompt = encode_prompt(question.record, self._tokenizer, self._data)
        max_tokens = answer_limit(len(prompt), SLOT_TOKENS, question.max_tokens)
        body = _body(question, prompt, max_tokens)
        return AnswerStream(len(prompt), self._pieces(body))

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def _pieces(self, body: Json) -> AnswerChunks:
        try:
            with self.http.stream("POST", "/completion", json=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise _error_of(response.status_code, response.read())
                finish_reason = None
                with closing(_events(response)) as events:
                    for chunk in map(_piece, events):
                        finish_reason = chunk.finish_reason
                        yield chunk
                if finish_reason is None:
                    raise StackError("The model server ended its answer early.")
        except httpx.HTTPError as error:
            self.check()
            raise StackError(f"The model server stopped answering: {error}") from error


def _body(question: Question, prompt: tuple[int, ...], max_tokens: int) -> dict[str, Any]:
    sampling = question.sampling
    body: dict[str, Any] = {
        "prompt": list(prompt),
        "n_predict": max_tokens,
        "lora": [{"id": 0, "scale": 1.0 if question.tuned else 0.0}],
        "stream": True,
        **_sampling(sampling),
    }
    if question.top_logprobs is not None:
        # 1 returns the chosen token only.
        body["n_probs"] = max(1, question.top_logprobs)
    if question.schema is not None:
        body["json_schema"] = dict(question.schema) or {"type": "object"}
    return body


def _sampling(sampling: SamplingOptions) -> dict[str, Any]:
    """Return the sampling options of the OpenAI API, with llama.cpp's own additions turned off."""
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "repeat_last_n": SLOT_TOKENS,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": list(sampling.stop),
        "seed": _NO_SEED if sampling.seed is None else sampling.seed % _NO_SEED,
    }


def _events(response: httpx.Response) -> Generator[Json, None, None]:
    # Not `iter_lines`, which also splits at characters that are allowed inside JSON strings.
    rest = b""
    for received in response.iter_bytes():
        *lines, rest = (rest + received).split(b"\n")
        for line in lines:
            name, _, value = line.partition(b":")
            if name not in {b"data", b"error"} or value.strip() == b"[DONE]":
                continue
            event = json.loads(value)
            if name == b"error" or "error" in event:
                raise _error_of(500, value)
            yield event


def _piece(event: Json) -> AnswerChunk:
    reported = event.get("completion_probabilities") or ()
    logprobs = tuple(_logprob(each) for each in reported)
    if not event.get("stop"):
        return AnswerChunk(event["content"], logprobs=logprobs)
    is_cut = event.get("stop_type") == "limit"
    tokens = int(event["tokens_predicted"])
    return AnswerChunk(event["content"], "length" if is_cut else "stop", tokens, logprobs)


def _logprob(reported: Json) -> dict[str, Any]:
    """Drop llama.cpp's own token ids."""
    tops = [
        {key: top[key] for key in ("token", "logprob", "bytes")} for top in reported["top_logprobs"]
    ]
    return {key: reported[key] for key in ("token", "logprob", "bytes")} | {"top_logprobs": tops}


def _error_of(status: int, answer: bytes) -> InvalidInput | StackError:
    try:
        error = json.loads(answer)
        error = error.get("error", error)
        text, kind = str(error["message"]), str(error.get("type", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        text, kind = answer.decode("utf-8", errors="replace"), ""
    if kind == "exceed_context_size_error":
        return TooLong(shorten(text))
    if httpx.codes.is_client_error(status):
        return InvalidInput(f"The model server rejected the request: {shorten(text)}")
    return StackError(f"The model server failed ({status}): {shorten(text)}")
