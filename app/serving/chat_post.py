"""A chat completion as it is asked for over HTTP, and the question that it is."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.errors import Fault, InvalidInput
from app.llm.words import storable
from app.record import Exchange, Record
from app.serving.answerer import Question
from app.training.plain.sampling import Manner

_ORDER = "an optional system message, then user and assistant in turn, the last one a user's"


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: object) -> object:
        # A client that puts an answer into the next request sends its nulls, too.
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None}


class TextPart(_Sent):
    """A part of a message; images and sound are refused."""

    type: Literal["text"]
    text: str


class ChatMessage(_Sent):
    """A turn of a chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    """Not looked at."""

    @property
    def text(self) -> str:
        """The content as one text that can be tokenized."""
        if isinstance(self.content, list):
            return storable("".join(part.text for part in self.content))
        return storable(self.content or "")


class SchemaForm(_Sent):
    """A JSON schema with its name."""

    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    form: dict[str, Any] = Field(alias="schema", default_factory=dict)


class ResponseFormat(_Sent):
    """Text, any JSON object, or JSON by a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaForm | None = None


class StreamOptions(_Sent):
    """What a stream tells beside its text."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    """Not looked at."""


class ChatPost(_Sent):
    """What the chat endpoint takes; null is as good as left out, anything else is refused."""

    model: str = Field(max_length=500)
    messages: list[ChatMessage] = Field(min_length=1)
    input: str | None = None
    """Ours: what the last message is about, put where tuning puts a row's input."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Left out: as many as there is room for."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    """The newer name of the same."""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    seed: int | None = None
    presence_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2.0, le=2.0)] | None = None
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    user: str | None = None
    """Not looked at, as the next two."""
    metadata: dict[str, Any] | None = None
    store: bool | None = None

    def question(self, *, tuned: bool) -> Question:
        """What is asked.

        Raises:
            InvalidInput: for messages in an order that no row of a data set has.
        """
        form = self.response_format
        schema = None
        if form is not None and form.type != "text":
            schema = form.json_schema.form if form.json_schema is not None else {}
        return Question(
            record=_record(self.messages, storable(self.input or "")),
            tuned=tuned,
            manner=self._manner(),
            most_tokens=self.max_completion_tokens or self.max_tokens,
            schema=schema,
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
        )

    def _manner(self) -> Manner:
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or ()
        return Manner(
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            stop=tuple(storable(text) for text in stop if text),
            seed=self.seed,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
        )


def _record(messages: Sequence[ChatMessage], about: str) -> Record:
    system = [message.text for message in messages if message.role in {"system", "developer"}]
    turns = messages[len(system) :]
    roles = [turn.role for turn in turns]
    # As many as there are of each, and the last one alone.
    if not roles or roles != [*["user", "assistant"] * (len(roles) // 2), "user"]:
        raise InvalidInput(
            f"These messages cannot be put as in tuning: wanted is {_ORDER}.",
            [Fault(f"wanted is {_ORDER}", field="messages")],
        )
    pairs = zip(turns[:-1:2], turns[1::2], strict=True)
    return Record(
        instruction=turns[-1].text,
        output="",
        input=about,
        system="\n\n".join(text for text in system if text),
        history=tuple(Exchange(user.text, assistant.text) for user, assistant in pairs),
    )
