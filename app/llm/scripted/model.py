"""A scripted model for the whole method: a deterministic function from prompt to reply.

It replaces a language model in tests, demonstrations and load measurements. Like a real model it
makes mistakes, at known rates, so that every rule has something to reject.
Run it with ``python -m app.llm.scripted.server --script app.llm.scripted.model:reply``.
"""

import hashlib
import json
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from app.llm.scripted.server import ScriptedCall, ScriptedReply
from app.llm.scripted.words import (
    ASPECTS,
    KINDS,
    LABELS,
    MANNERS,
    QUALITIES,
    SUBJECTS,
    THINGS,
    VERBS,
)
from app.pipeline.prompts import template


def reply(call: ScriptedCall) -> ScriptedReply:
    """Answer a call of any profile; equal calls get equal answers."""
    words = _words(call)
    digest = hashlib.sha256(words.encode()).digest()
    rng = random.Random(digest)
    name = _template_of(words)
    return _plain(call) if name is None else _ANSWERS[name](call, words, rng)


def stage_of(call: ScriptedCall) -> str | None:
    """Return the name of the prompt's template without its profile, such as ``classify``.

    Returns:
        None for a prompt that is not part of the method, such as a preflight's question.
    """
    name = _template_of(_words(call))
    return None if name is None else name.partition("/")[2].removesuffix(".system")


def _words(call: ScriptedCall) -> str:
    return "\n".join(message.content for message in call.messages) or call.prompt


def _template_of(words: str) -> str | None:
    return next((name for name in _ANSWERS if words.startswith(_head(name))), None)


def _plain(call: ScriptedCall) -> ScriptedReply:
    """Answer prompts that are not part of the method, such as the preflight's questions."""
    if call.schema is not None:
        answer = {name: _any_of(s) for name, s in call.schema.get("properties", {}).items()}
        return ScriptedReply(json.dumps(answer))
    return ScriptedReply("Yes", top_logprobs=_leaning(0.5) if _wants_logprobs(call) else None)


def _any_of(schema: Mapping[str, Any]) -> object:
    """Return a value of a JSON schema; `Any` because that is what JSON is."""
    match schema.get("type"):
        case "object":
            return {name: _any_of(one) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [_any_of(schema.get("items", {}))]
        case "integer" | "number":
            return schema.get("enum", [1])[0]
        case _:
            return schema.get("enum", ["yes"])[0]


def _wants_logprobs(call: ScriptedCall) -> bool:
    return bool(call.parameters.get("logprobs"))


def _instruction(rng: random.Random) -> str:
    if rng.random() < 0.15:
        first, second = rng.choice(LABELS)
        return f"Decide whether {rng.choice(KINDS)} about {_three(rng)} is {first} or {second}."
    return f"{rng.choice(VERBS)} {rng.choice(ASPECTS)} {_three(rng)} {rng.choice(MANNERS)}."


def _three(rng: random.Random) -> str:
    """Return three things in a row, so that two instructions are not similar by chance."""
    one, two, three = (f"{rng.choice(QUALITIES)} {rng.choice(SUBJECTS)}" for _ in range(3))
    return f"{one}, {two} and {three}"


def _instructions(shown: list[str], count: int, rng: random.Random) -> Iterator[str]:
    """Yield new instructions, and sometimes one that a rule has to reject."""
    for _ in range(count):
        mishap = rng.random()
        if mishap < 0.06 and shown:
            yield rng.choice(shown).removesuffix(".") + " now."
        elif mishap < 0.10:
            yield "Tell me more."
        elif mishap < 0.13:
            yield f"Draw {rng.choice(THINGS)} as an image."
        else:
            yield _instruction(rng)


def _shown(words: str) -> list[str]:
    return re.findall(r"^\d+\. (.+)$", words, re.MULTILINE)


def _generate_chat(call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    wanted = re.search(r"Write (\d+) new tasks", words)
    new = list(_instructions(_shown(words), int(wanted.group(1)) if wanted else 8, rng))
    if call.schema is not None:
        return ScriptedReply(json.dumps({"instructions": new}))
    return ScriptedReply("\n".join(f"{n}. {text}" for n, text in enumerate(new, start=1)))


def _generate_text(_call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    shown = _shown(words)
    new = list(_instructions(shown, 7, rng))
    first, *rest = new
    lines = [f" {first}", *(f"{n}. {text}" for n, text in enumerate(rest, start=len(shown) + 2))]
    return ScriptedReply("\n".join(lines))


def _generate_alpaca(_call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    opening = re.search(r"(\d+)\. Instruction:\Z", words)
    number = int(opening.group(1)) if opening else 4
    blocks = []
    for n, text in enumerate(_instructions([], 21 - number, rng), start=number):
        given = _sentence(rng) if rng.random() < 0.4 else "<noinput>"
        mark = "" if n == number else f"{n}. Instruction:"
        blocks.append(f"{mark} {text}\n{n}. Input:\n{given}\n{n}. Output:\n{_sentence(rng)}\n")
    return ScriptedReply("###\n".join(blocks))


def _classify(call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    task = words.rpartition("Task:")[2]
    yes = "Decide whether" in task or " or " in task
    if rng.random() < 0.02 and not _wants_logprobs(call):
        return ScriptedReply("Perhaps")
    margin = (3.0 if yes else -3.0) + rng.random() if len(task.split()) > 4 else -0.5
    logprobs = _leaning(margin) if _wants_logprobs(call) else None
    return ScriptedReply("Yes" if yes else "No", top_logprobs=logprobs)


def _leaning(margin: float) -> dict[str, float]:
    yes = -math.log1p(math.exp(-margin))
    return {"Yes": yes, "No": yes - margin}


def _sentence(rng: random.Random) -> str:
    return (
        f"{rng.choice(THINGS).capitalize()}, {rng.choice(MANNERS)}, number {rng.randrange(1000)}."
    )


def _pairs(words: str, rng: random.Random, *, labelled: bool) -> Iterator[tuple[str, str]]:
    """Yield inputs and outputs, sometimes with a fault."""
    labels = re.findall(r"is (\w+) or (\w+)", words.rpartition("Task:")[2])
    for n in range(rng.choice((1, 2, 3))):
        if labelled:
            yield _sentence(rng), labels[-1][n % 2] if labels else "yes"
        elif rng.random() < 0.05:
            yield _sentence(rng), ""
        else:
            yield (_sentence(rng) if n or rng.random() < 0.4 else ""), _sentence(rng)


def _instances_chat(call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    labelled = words.startswith(_head("default/output_first.system"))
    pairs = list(_pairs(words, rng, labelled=labelled))
    order = ("output", "input") if labelled else ("input", "output")
    items = [{name: {"input": i, "output": o}[name] for name in order} for i, o in pairs]
    if call.schema is not None:
        return ScriptedReply(json.dumps({"instances": items}))
    return ScriptedReply("\n".join(f"<{k}>{v}</{k}>" for item in items for k, v in item.items()))


def _input_first_text(_call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    pairs = _pairs(words, rng, labelled=False)
    return ScriptedReply(
        "\n".join(f"Example {n}\nInput: {i}\nOutput: {o}" for n, (i, o) in enumerate(pairs, 1))
    )


def _output_first_text(_call: ScriptedCall, words: str, rng: random.Random) -> ScriptedReply:
    pairs = _pairs(words, rng, labelled=True)
    return ScriptedReply("\n".join(f"Class label: {o}\n{i}" for i, o in pairs))


def _re_answer(_call: ScriptedCall, _words: str, rng: random.Random) -> ScriptedReply:
    return ScriptedReply("" if rng.random() < 0.03 else _sentence(rng))


def _judge(call: ScriptedCall, _words: str, rng: random.Random) -> ScriptedReply:
    """Return a verdict, sometimes with an invalid score."""
    score = 0 if rng.random() < 0.05 else rng.choice((2, 3, 4, 4, 5))
    verdict = {"reason": _sentence(rng), "score": score}
    if call.schema is not None:
        return ScriptedReply(json.dumps(verdict))
    return ScriptedReply("".join(f"<{name}>{what}</{name}>" for name, what in verdict.items()))


@cache
def _head(name: str) -> str:
    """Return the beginning of all prompts of a template: the text before its first variable."""
    return template(name).text.partition("$")[0]


_ANSWERS: dict[str, Callable[[ScriptedCall, str, random.Random], ScriptedReply]] = {
    "default/generate.system": _generate_chat,
    "default/classify.system": _classify,
    "default/input_first.system": _instances_chat,
    "default/output_first.system": _instances_chat,
    "paper/generate": _generate_text,
    "paper/classify": _classify,
    "paper/input_first": _input_first_text,
    "paper/output_first": _output_first_text,
    "alpaca/generate": _generate_alpaca,
    "review/re_answer.system": _re_answer,
    "review/judge.system": _judge,
}
