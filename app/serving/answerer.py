"""The interface between the HTTP application and a model: a question in, answer chunks out."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from app.dataset_row import Record
from app.errors import Fault, TooLong
from app.training.plain.sampling_options import AnswerChunk, SamplingOptions

AnswerChunks: TypeAlias = Generator[AnswerChunk, None, None]
"""The chunks of an answer; the last one has a finish reason. Closing it stops the answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, the model to ask, and the sampling options."""

    record: Record
    """Rendered like the training rows; its output is not used."""
    tuned: bool
    """False: ask the base model, with the same prompt."""
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    max_tokens: int | None = None
    """None: up to the context length."""
    schema: Mapping[str, Any] | None = None
    """JSON schema of the answer; ``{}``: any JSON object."""
    top_logprobs: int | None = None
    """Alternatives to return for each token; None: no log probabilities."""


@dataclass(frozen=True, slots=True)
class AnswerStream:
    """An answer in progress."""

    prompt_tokens: int
    chunks: AnswerChunks


class Answerer(Protocol):
    """A tuned model and its base model; thread-safe."""

    def answer(self, question: Question) -> AnswerStream:
        """Start an answer.

        Raises:
            InvalidInput: this engine does not support the question; the fault names the field.
            TooLong: the prompt fills the context.
            SeedbedError: now or from the chunks: the model cannot answer.
        """

    def check(self) -> None:
        """Check that the model can answer.

        Raises:
            StackError: it no longer can.
        """


class ClosingAnswerer(Answerer, Protocol):
    """An answerer with resources to release."""

    def close(self) -> None:
        """Stop the answer in progress; no question is accepted afterwards."""


def answer_limit(prompt_tokens: int, context: int, max_tokens: int | None) -> int:
    """Return the largest number of tokens for an answer.

    Raises:
        TooLong: no token is left.
    """
    left = context - prompt_tokens
    if left < 1:
        raise TooLong(
            f"The model's context is {context} tokens; the prompt has {prompt_tokens} and leaves "
            "none for an answer.",
            [Fault("shorten the messages", field="messages")],
        )
    return left if max_tokens is None else min(left, max_tokens)
