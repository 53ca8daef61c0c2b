"""The request body of a chat completion, and its conversion to a question."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.dataset_row import Exchange, Record
from app.errors import Fault, InvalidInput
from app.llm.provider_text import storable
from app.serving.answerer import Question
from app.training.plain.sampling_options import SamplingOptions

_ORDER = "an optional system message, then user and assistant in turn, the last one a user's"


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, sent: object) -> object:
        # Clients that send an earlier answer back also send its nulls.
        if not isinstance(sent, dict):
            return sent
        return {name: value for name, value in sent.items() if value is not None}


class TextPart(_Sent):
    """A text part of a message; images and audio are rejected."""

    type: Literal["text"]
    text: str


class ChatMessage(_Sent):
    """A message of a chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    """Ignored."""

    @property
    def text(self) -> str:
        """Return the content as one text."""
        if isinstance(self.content, list):
            return storable("".join(part.text for part in self.content))
        return storable(self.content or "")


class SchemaForm(_Sent):
    """A named JSON schema."""

    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    form: dict[str, Any] = Field(alias="schema", default_factory=dict)


class ResponseFormat(_Sent):
    """Text, any JSON object, or JSON by a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaForm | None = None


class StreamOptions(_Sent):
    """Options of a stream."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    """Ignored."""


class ChatRequest(_Sent):
    """The body of a chat completion request; null means left out, unknown fields are rejected."""

    model: str = Field(max_length=500)
    messages: list[ChatMessage] = Field(min_length=1)
    input: str | None = None
    """Own extension: the input of the last message, rendered like the input of a training row."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Default: up to the context length."""
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    """The newer name of `max_tokens`."""
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
    """Ignored, like the next two."""
    metadata: dict[str, Any] | None = None
    store: bool | None = None

    def question(self, *, tuned: bool) -> Question:
        """Convert the request to a question.

        Raises:
            InvalidInput: no row of a data set has messages in this order.
        """
        form = self.response_format
        schema = None
        if form is not None and form.type != "text":
            schema = form.json_schema.form if form.json_schema is not None else {}
        return Question(
            record=_record(self.messages, storable(self.input or "")),
            tuned=tuned,
            sampling=self._manner(),
            max_tokens=self.max_completion_tokens or self.max_tokens,
            schema=schema,
            top_logprobs=(self.top_logprobs or 0) if self.logprobs else None,
        )

    def _manner(self) -> SamplingOptions:
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or ()
        return SamplingOptions(
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            stop=tuple(storable(text) for text in stop if text),
            seed=self.seed,
            presence_penalty=self.presence_penalty or 0.0,
            frequency_penalty=self.frequency_penalty or 0.0,
        )


def _record(messages: Sequence[ChatMessage], input_text: str) -> Record:
    system = [message.text for message in messages if message.role in {"system", "developer"}]
    turns = messages[len(system) :]
    roles = [turn.role for turn in turns]
    # Pairs of user and assistant, then the last user message.
    if not roles or roles != [*["user", "assistant"] * (len(roles) // 2), "user"]:
        raise InvalidInput(
            f"The messages are in an unsupported order; send {_ORDER}.",
            [Fault(f"send {_ORDER}", field="messages")],
        )
    pairs = zip(turns[:-1:2], turns[1::2], strict=True)
    return Record(
        instruction=turns[-1].text,
        output="",
        input=input_text,
        system="\n\n".join(text for text in system if text),
        history=tuple(Exchange(user.text, assistant.text) for user, assistant in pairs),
    )
