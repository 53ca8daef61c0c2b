"""What the HTTP side needs of a model: a question in, an answer piece by piece out."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from app.errors import Fault, InvalidInput
from app.record import Record
from app.training.plain.sampling import Manner, Piece

Pieces: TypeAlias = Generator[Piece, None, None]
"""Of an answer as it is made; the last one has a finish reason. Closing it ends the answer."""


class TooLong(InvalidInput):
    """The prompt leaves no room for an answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of whom, and how it is to be answered."""

    record: Record
    """Put as the rows were that the model was tuned on; its own output is not looked at."""
    tuned: bool
    """False: the base model, put to it in the same way."""
    manner: Manner = field(default_factory=Manner)
    most_tokens: int | None = None
    """None: as many as there is room for."""
    schema: Mapping[str, Any] | None = None
    """A JSON schema that the answer must keep to; ``{}``: any JSON object."""
    top_logprobs: int | None = None
    """How many alternatives of each token are told; None: no log probabilities are."""


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer under way."""

    prompt_tokens: int
    pieces: Pieces


class Answerer(Protocol):
    """A tuned model and its base; any number of threads may ask."""

    def answer(self, question: Question) -> Answering:
        """Begin to answer.

        Raises:
            InvalidInput: for what this way of serving cannot do; the fault names the field.
            TooLong: for a prompt that fills the context.
            SeedbedError: now or from the pieces: the model cannot answer.
        """

    def check(self) -> None:
        """See whether it can answer.

        Raises:
            StackError: it cannot any more.
        """


class ClosingAnswerer(Answerer, Protocol):
    """One that holds what is to be given back."""

    def close(self) -> None:
        """End what is under way; nothing is to be asked afterwards."""


def room(prompt_tokens: int, context: int, most_tokens: int | None) -> int:
    """How many tokens an answer may have.

    Raises:
        TooLong: none.
    """
    left = context - prompt_tokens
    if left < 1:
        raise TooLong(
            f"The model's context is {context} tokens; the prompt has {prompt_tokens} and leaves "
            "none for an answer.",
            [Fault("make it shorter", field="messages")],
        )
    return left if most_tokens is None else min(left, most_tokens)
