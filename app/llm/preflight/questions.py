"""The questions of the preflight: short ones that send everything that the stages will send."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app.llm.request_body import request_body
from app.pipeline.types import ChatPrompt, JsonSchema, Message, Request, Stage, TextPrompt

PROMPT_VERSION = "preflight@2"

_SYSTEM = Message("system", "You answer questions about things. Be brief.")
_WORKED = (
    Message("user", "Is snow warmer than fire? Answer Yes or No."),
    Message("assistant", "No"),
)
_QUESTION = "Is a stone heavier than a feather?"
_IN_WORDS = Message("user", f"{_QUESTION} Answer Yes or No.")
_IN_JSON = Message("user", f"{_QUESTION} Answer in JSON.")
# The key is not in the question: an endpoint that ignores the schema will not use it by chance.
_VERDICT: JsonSchema = {"type": "string", "enum": ["yes", "no"]}
_TEXT = TextPrompt("A stone is")
_LENGTH_OF_TEXT = 1
"""Tokens: a base model would write on and on."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the preflight."""

    request: Request
    stages: tuple[Stage, ...] = ()
    """The stages that send the same, and whose length limit may be raised."""


class Sample(NamedTuple):
    """A request as a stage sends it."""

    stage: Stage
    request: Request
    may_be_raised: bool = True
    """False when a person, or the profile, fixes its length limit."""


def questions_for(samples: Sequence[Sample]) -> tuple[Question, ...]:
    """Return as few questions as send everything that some requests of stages send."""
    questions: list[Question] = []
    seen: dict[str, float] = {}
    # Those with logprobs first: their answers are the shortest.
    for sample in sorted(samples, key=lambda one: one.request.parameters.top_logprobs is None):
        features = dict(_features(sample.request))
        if all(seen.get(name, -1.0) >= value for name, value in features.items()):
            continue
        seen = {name: max(seen.get(name, 0.0), features.get(name, 0.0)) for name in seen | features}
        questions.append(Question(_short(sample.request)))
    stages: list[set[Stage]] = [set() for _ in questions]
    for sample in samples:
        kind = kind_of(sample.request)
        for question, found in zip(questions, stages, strict=True):
            if sample.may_be_raised and kind_of(question.request) == kind:
                found.add(sample.stage)
    return tuple(
        replace(question, stages=tuple(sorted(found)))
        for question, found in zip(questions, stages, strict=True)
    )


def kind_of(request: Request) -> tuple[bool, bool]:
    """Return True for each of: it asks for logprobs, it has a schema."""
    has_schema = isinstance(request.prompt, ChatPrompt) and request.prompt.schema is not None
    return request.parameters.top_logprobs is not None, has_schema


def _features(request: Request) -> Iterator[tuple[str, float]]:
    """Yield what an endpoint may refuse; the higher number includes the lower."""
    _, body = request_body(request, "")
    for name, value in body.items():
        if name == "max_tokens" and "prompt" in body:
            # The question of a completions endpoint has a limit of its own.
            continue
        if name == "stop":
            yield name, len(request.parameters.stop)
        elif name in _LIMITED and isinstance(value, int | float):
            yield name, value
        elif name not in _OF_THE_TEXT:
            yield f"{name} {value}", 0
    if isinstance(request.prompt, ChatPrompt):
        yield from ((f"role {turn.role}", 0) for turn in request.prompt.messages)
        yield from ((f"keyword {name}", 0) for name in keywords_of(request.prompt.schema))


def keywords_of(schema: object) -> frozenset[str]:
    """Return the keywords of a JSON schema at all depths, with the types that it names."""
    if not isinstance(schema, Mapping):
        return frozenset()
    found = set(schema) | {str(schema.get("type"))}
    found |= keywords_of(schema.get("items"))
    for inner in schema.get("properties", {}).values():
        found |= keywords_of(inner)
    return frozenset(found - {"None"})


def _short(request: Request) -> Request:
    """Return a short question that is sent as a stage's request is."""
    if isinstance(request.prompt, TextPrompt):
        parameters = replace(request.parameters, max_tokens=_LENGTH_OF_TEXT)
        return replace(request, prompt=_TEXT, parameters=parameters, prompt_version=PROMPT_VERSION)
    roles = {turn.role for turn in request.prompt.messages}
    turns = [_SYSTEM] if "system" in roles else []
    turns += _WORKED if "assistant" in roles else ()
    if request.prompt.schema is None:
        prompt = ChatPrompt((*turns, _IN_WORDS))
    else:
        # A worked turn would answer in another form.
        turns = [turn for turn in turns if turn.role == "system"]
        prompt = ChatPrompt((*turns, _IN_JSON), _short_schema(request.prompt.schema))
    return replace(request, prompt=prompt, prompt_version=PROMPT_VERSION)


def _short_schema(schema: JsonSchema) -> JsonSchema:
    """Return a schema with the same keywords whose answer is a few words."""
    properties = {"verdict": _VERDICT, "example": _in_few_words(schema)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _in_few_words(schema: JsonSchema) -> JsonSchema:
    kept: dict[str, Any] = dict(schema)
    if "maxItems" in kept:
        kept["maxItems"] = 1
    if "items" in kept:
        kept["items"] = _in_few_words(kept["items"])
    if "properties" in kept:
        # Under other names: nobody should take the question for one of the method.
        inner = [_in_few_words(one) for one in kept["properties"].values()]
        kept["properties"] = {f"part_{n}": one for n, one in enumerate(inner, start=1)}
        kept["required"] = list(kept["properties"])
    if kept.get("type") == "string" and "enum" not in kept:
        # A small model that is held to a schema would fill a free text up to the limit.
        kept["enum"] = _VERDICT["enum"]
    return kept


_LIMITED = ("max_tokens", "top_logprobs")
_OF_THE_TEXT = ("model", "messages", "prompt", "response_format")
