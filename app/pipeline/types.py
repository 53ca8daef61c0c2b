"""Values of the method: requests to a model, completions, and what is read from them.

All are frozen and hold text and numbers only, so that a stage can be read and tested without a
database, a network or a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, NamedTuple, TypeAlias

JsonSchema: TypeAlias = Mapping[str, Any]
"""A JSON schema; `Any` because that is what JSON is."""


BatchChoice: TypeAlias = Literal["off", "later_stages", "all_stages"]
"""Which calls go by the provider's Batch API."""


class Stage(StrEnum):
    """Purpose of a model call."""

    PREFLIGHT = "preflight"
    """Checks that the endpoint answers, and what it supports."""
    GENERATE = "generate"
    """Instruction bootstrapping (paper, 2.2 step 1)."""
    CALIBRATE = "calibrate"
    """The classification question for tasks without content, to measure the model's bias."""
    CLASSIFY = "classify"
    """Classification task identification (step 2)."""
    INSTANTIATE = "instantiate"
    """Instance generation, input-first or output-first (step 3)."""
    REVIEW = "review"
    """A new answer to a row of a data set, or a judgement of it."""

    @property
    def priority(self) -> int:
        """Lower is asked first: what was begun is finished before more is begun."""
        return _STAGE_FACTS[self].priority

    def goes_by_batch(self, batch: BatchChoice) -> bool:
        """Return True when a person's choice sends the calls of this stage by the Batch API."""
        smallest = _STAGE_FACTS[self].by_batch
        return smallest is not None and batch != "off" and smallest in (batch, "later_stages")


class _StageFacts(NamedTuple):
    part_of: Literal["any", "growing", "reviewing"]
    priority: int
    by_batch: BatchChoice | None
    """The smallest choice that includes the stage; None: none does."""


# In the order in which a run begins them.
_STAGE_FACTS: Mapping[Stage, _StageFacts] = {
    Stage.PREFLIGHT: _StageFacts("any", 0, None),
    Stage.CALIBRATE: _StageFacts("growing", 0, None),
    Stage.GENERATE: _StageFacts("growing", 3, "all_stages"),
    Stage.CLASSIFY: _StageFacts("growing", 2, "later_stages"),
    Stage.INSTANTIATE: _StageFacts("growing", 1, "later_stages"),
    Stage.REVIEW: _StageFacts("reviewing", 3, "later_stages"),
}


def stages_of(kind: Literal["growing", "reviewing"]) -> tuple[Stage, ...]:
    """Return the stages of a kind of run, in the order in which it begins them."""
    return tuple(stage for stage, facts in _STAGE_FACTS.items() if facts.part_of == kind)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sampling parameters; names and units as in the OpenAI API."""

    temperature: float
    top_p: float
    max_tokens: int
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    """Number of alternatives to return for the first token; None: none."""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A prompt for the chat endpoint; all messages but the last are the same in every call.

    The exception: a row of a data set may have turns of its own.
    """

    messages: tuple[Message, ...]
    schema: JsonSchema | None = None
    """JSON schema of the answer (`response_format`); None: plain text."""


@dataclass(frozen=True, slots=True)
class TextPrompt:
    """A prompt for the completions endpoint."""

    text: str
    unchanging: int = 0
    """Number of first characters that are the same in every call of the stage."""


@dataclass(frozen=True, slots=True)
class Request:
    """One complete model call."""

    prompt: ChatPrompt | TextPrompt
    parameters: Parameters
    prompt_version: str
    """Name and content hash of the template, such as ``default/generate@1f3a5c7e9b0d``."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the JSON body, which come before all others; `Any` because it is JSON."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer of a model."""

    text: str
    finish_reason: str
    """``length`` when the answer was truncated; otherwise the provider's word, such as ``stop``."""
    model: str
    """Name of the model that answered, as given by the provider."""
    prompt_tokens: int = 0
    """Tokens of the whole prompt, including those that a cache read or wrote."""
    completion_tokens: int = 0
    """All tokens that were generated, including those of reasoning."""
    top_logprobs: Mapping[str, float] | None = None
    """Natural logarithms of the probabilities of the first token's alternatives, by token."""
    reply_id: str | None = None
    """The provider's id of the reply, for its logs and bills."""
    reasoning: str | None = None
    """The thoughts that the endpoint sent apart from the text; kept, never read. None: none."""
    cached_tokens: int = 0
    """Tokens of the prompt that the provider's cache had."""
    cache_write_tokens: int = 0
    """Tokens of the prompt that were written to the provider's cache."""
    is_estimated: bool = False
    """True when the endpoint left out token counts, so that they are estimated from the text."""
    reasoning_tokens: int = 0
    """Tokens of reasoning, a part of the completion's; 0 also where the endpoint reports none."""
    billed_usd: Decimal | None = None
    """The cost that the endpoint itself reports, in US dollars, as OpenRouter does; None: none."""

    @property
    def cut_off(self) -> bool:
        """True when the answer was truncated by the length limit."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Capabilities of an endpoint, found in the preflight."""

    json_schema: bool = False
    """Answers can be JSON: by a schema, or else by a mode that follows none."""
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """One worked input and output of an instruction; the input may be empty."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class SeedTask:
    """A human-written task, in upstream's fields."""

    id: str
    name: str
    instruction: str
    instances: tuple[Instance, ...]
    is_classification: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instruction read from a reply, before any decision about it."""

    text: str
    instances: tuple[Instance, ...] = ()
    """Only the one-stage `alpaca` profile reads instances together with the instruction."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Text of a reply that broke a rule, stored and counted with the reason."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadCandidates:
    """A parsed reply of the generation stage: candidates and rejections, in order."""

    items: tuple[Candidate | Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadLabel:
    """A parsed reply of the classification stage."""

    is_classification: bool | None
    """None is *unknown*: the reply could not be read as a yes or a no."""
    confidence: float | None = None
    """Calibrated margin, ln p(yes) - ln p(no) less the model's bias; None without logprobs."""


@dataclass(frozen=True, slots=True)
class ReadInstances:
    """A parsed reply of the instance stage."""

    kept: tuple[Instance, ...] = ()
    rejected: tuple[Rejected, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ReadReview:
    """A parsed reply of the review stage, with either `output` or `rejected`."""

    output: str | None = None
    """The new output of the row."""
    rejected: Rejected | None = None
    """Why the row was rejected."""
    is_readable: bool = True
    """True when the reply is usable; otherwise the call is repeated."""
