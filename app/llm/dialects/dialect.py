"""The dialect of an endpoint and model: what is sent differently because it refuses something.

Endpoints that call themselves compatible refuse different parameters. `refusals` reads a refusal as
a `Lesson`; here lessons are applied to the JSON body of a request. Both are pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from app.pipeline.types import Completion

Action: TypeAlias = Literal[
    "dropped", "renamed", "replaced", "folded", "at_most", "at_least", "raised"
]
Body: TypeAlias = Mapping[str, Any]
"""The JSON body of a request; `Any` because that is what JSON is."""

LONGER_NAME = "max_completion_tokens"
LENGTH_NAMES = ("max_tokens", LONGER_NAME)
JSON_MODE = "json_object"
"""The form of an answer that is JSON, but follows no schema."""
KEYWORD = "response_format."
"""Begins the name of a keyword of the schema."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One thing that is sent differently."""

    parameter: str
    """Its name in the request; ``system`` for the role, ``response_format.maxItems`` for a keyword
    of the schema."""
    action: Action
    """``replaced``: a JSON schema by the form that `value` names. ``raised`` is not about a
    refusal: replies of a stage were longer than their limit."""
    value: float | str | None = None
    """The limit, the other name, or the other form; None for the other actions."""
    stage: str = ""
    """The only stage that it is about; empty: all."""
    words: str = field(default="", compare=False)
    """The provider's words, shortened."""
    learned_at: float = field(default=0.0, compare=False)
    """Unix time at which it was learnt, in seconds; 0: long ago."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Identifies what a newer lesson replaces."""
        return self.parameter, self.action, self.stage


@dataclass(frozen=True, slots=True)
class Dialect:
    """Everything that was learnt about one endpoint and model."""

    lessons: tuple[Lesson, ...] = ()

    def with_lessons(self, new: Iterable[Lesson]) -> "Dialect":
        """Return the dialect with further lessons; the stricter of two limits stays.

        What is dropped can't be replaced any more.
        """
        known = {lesson.key: lesson for lesson in self.lessons}
        for lesson in new:
            before = known.get(lesson.key)
            if before is None or _is_stricter(lesson, before):
                known[lesson.key] = lesson
        dropped = {one.parameter for one in known.values() if one.action == "dropped"}
        lessons = tuple(
            one
            for one in known.values()
            if not (one.action == "replaced" and one.parameter in dropped)
        )
        return self if lessons == self.lessons else Dialect(lessons)

    @property
    def has_json_mode(self) -> bool:
        """Return True when JSON answers are asked for without their schema."""
        return any(one.action == "replaced" for one in self.lessons)

    def without(self, forgotten: Iterable[Lesson]) -> "Dialect":
        """Return the dialect without some lessons."""
        gone = set(forgotten)
        kept = tuple(one for one in self.lessons if one not in gone)
        return self if kept == self.lessons else Dialect(kept)

    def drops(self, parameter: str) -> bool:
        """Return True when a parameter is never sent."""
        return any(one.parameter == parameter and one.action == "dropped" for one in self.lessons)

    def takes_all(self, stops: Sequence[str]) -> bool:
        """Return True when the endpoint is sent all of these stop sequences."""
        return len(apply({"stop": list(stops)}, self).get("stop", ())) == len(stops)

    def raised_limit_for(self, stage: str) -> int | None:
        """Return the raised length limit of a stage, in tokens; None: it was not raised."""
        values = [one.value for one in self.lessons if (one.action, one.stage) == ("raised", stage)]
        return max((int(value) for value in values if isinstance(value, int | float)), default=None)


NOTHING_LEARNT = Dialect()


def _is_stricter(lesson: Lesson, before: Lesson) -> bool:
    new, old = lesson.value, before.value
    if not isinstance(new, int | float) or not isinstance(old, int | float):
        return False
    return new < old if lesson.action == "at_most" else new > old


def old_lessons(dialect: Dialect, bodies: Iterable[Body], before: float) -> tuple[Lesson, ...]:
    """Return the lessons about what some bodies send that were learnt before a time.

    A raised limit is none of them: it is not about a refusal.

    Args:
        dialect: what is known.
        bodies: the bodies of requests, before the dialect is applied.
        before: Unix time in seconds.
    """
    sent = list(bodies)
    return tuple(
        one
        for one in dialect.lessons
        if one.action != "raised"
        and one.learned_at < before
        and any(apply(body, Dialect((one,))) != body for body in sent)
    )


# Applying.


def apply(body: Body, dialect: Dialect) -> dict[str, Any]:
    """Return the body as the endpoint accepts it."""
    sent = dict(body)
    for lesson in dialect.lessons:
        if lesson.action == "dropped":
            _drop(sent, lesson.parameter)
        elif lesson.action == "replaced" and lesson.parameter in sent:
            sent[lesson.parameter] = {"type": lesson.value}
        elif lesson.action == "folded" and "messages" in sent:
            sent["messages"] = folded(sent["messages"])
        elif lesson.action in ("at_most", "at_least"):
            _limit(sent, lesson)
    for lesson in dialect.lessons:
        # Last: limits are learnt under the usual name.
        if lesson.action == "renamed" and lesson.parameter in sent and "messages" in sent:
            sent[str(lesson.value)] = sent.pop(lesson.parameter)
    return sent


def _drop(sent: dict[str, Any], parameter: str) -> None:
    if parameter.startswith(KEYWORD):
        if "json_schema" in sent.get("response_format", {}):
            name = parameter.removeprefix(KEYWORD)
            sent["response_format"] = _without_keyword(sent["response_format"], name)
        return
    sent.pop(parameter, None)
    if parameter == "logprobs":
        sent.pop("top_logprobs", None)


def _without_keyword(form: Any, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a response format without one keyword of its schema; names of properties stay."""
    if name == "strict":
        inner = {key: value for key, value in form["json_schema"].items() if key != "strict"}
        return {**form, "json_schema": inner}
    schema = _schema_without(form["json_schema"]["schema"], name)
    return {**form, "json_schema": {**form["json_schema"], "schema": schema}}


def _schema_without(schema: Any, name: str) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == name:
            continue
        if key == "properties":
            value = {own: _schema_without(inner, name) for own, inner in value.items()}  # noqa: PLW2901
        kept[key] = _schema_without(value, name) if key == "items" else value
    return kept


def folded(messages: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Put the system messages in front of the first message of the user."""
    system = [turn["content"] for turn in messages if turn["role"] == "system"]
    turns = [dict(turn) for turn in messages if turn["role"] != "system"]
    if not system:
        return list(messages)
    first = next((turn for turn in turns if turn["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(system)}, *turns]
    first["content"] = "\n\n".join([*system, first["content"]])
    return list(turns)


def _limit(sent: dict[str, Any], lesson: Lesson) -> None:
    name, limit = lesson.parameter, lesson.value
    if not isinstance(limit, int | float):
        return
    if name == "top_logprobs" and name not in sent and not isinstance(sent.get("logprobs"), bool):
        name = "logprobs"  # The completions endpoint's form.
    value = sent.get(name)
    if isinstance(value, list):
        sent[name] = value[: int(limit)]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        sent[name] = min(value, limit) if lesson.action == "at_most" else max(value, limit)


def length_of(sent: Body) -> int:
    """Return the longest reply that a body asks for, in tokens, by either name."""
    return next(int(sent[name]) for name in LENGTH_NAMES if name in sent)


def cut_at_stop(completion: Completion, stops: Sequence[str]) -> Completion:
    """Cut a reply where the endpoint would have stopped it, had it taken the parameter."""
    places = [place for stop in stops if (place := completion.text.find(stop)) >= 0]
    if not places:
        return completion
    return replace(completion, text=completion.text[: min(places)], finish_reason="stop")


# As it is stored.


def lessons_as_json(lessons: Iterable[Lesson]) -> list[dict[str, Any]]:
    """Return lessons as a database keeps them and the API shows them."""
    return [
        {
            "parameter": one.parameter,
            "action": one.action,
            "value": one.value,
            "stage": one.stage or None,
            "words": one.words,
        }
        for one in lessons
    ]


def lessons_from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Lesson, ...]:
    """Read lessons as `lessons_as_json` writes them."""
    return tuple(
        Lesson(
            one["parameter"],
            one["action"],
            one["value"],
            one["stage"] or "",
            words=one["words"],
            learned_at=one.get("learned_at", 0.0),
        )
        for one in stored
    )
