"""The words that models put around an answer: thoughts, lists, instances, labels, cut ends."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from app.llm.scripted.behaviours.combine import INSTANCES, Behaviour, in_method, on, replies
from app.llm.scripted.behaviours.refusals import max_tokens
from app.llm.scripted.wire import Script, ScriptedCall, ScriptedReply

ListShape: TypeAlias = Callable[[Sequence[str]], str]
"""Writes a list of tasks as a model would."""
InstancesShape: TypeAlias = Callable[[Sequence[tuple[str, str]]], str]
"""Writes pairs of input and output as a model would."""

THOUGHT = (
    "Okay, the user wants new tasks. Let me look at the examples first.\n\n"
    "1. The first example asks for rhymes, so I should avoid poetry in the new ones.\n"
    "2. The second one is a yes or no question about food, which I should not repeat.\n\n"
    'I need {"instructions": ["..."]} or <input>...</input> <output>...</output> as the shape.\n'
    "Yes. No, wait. Each must have between 5 and 60 words."
)
"""A thought with everything in it that a reader could take for the answer."""


def ignores_schema(script: Script) -> Script:
    """Answer in text, whatever form a call asks for."""
    return lambda call: script(replace(call, schema=None))


def no_logprobs(script: Script) -> Script:
    """Return no logprobs, whether a call asks for them or not."""

    def answer(call: ScriptedCall) -> ScriptedReply:
        return replace(script(call), top_logprobs=None)

    return answer


def says(change: Callable[[str], str]) -> Behaviour:
    """Change the text of every answer; there are no logprobs of the changed text."""

    def changed(_call: ScriptedCall, given: ScriptedReply) -> ScriptedReply:
        text = None if given.text is None else change(given.text)
        return replace(given, text=text, top_logprobs=None)

    return replies(changed)


def thinks(
    opening: str = "<think>\n", closing: str = "\n</think>\n\n", *, thought: str = THOUGHT
) -> Behaviour:
    """Put thoughts before every answer, also a preflight's."""
    return says(lambda text: f"{opening}{thought}{closing}{text}")


def lists(shape: ListShape) -> Behaviour:
    """Write the new tasks of the stage ``generate`` in another form; no schema is obeyed."""
    return on(("generate",), lambda script: says(_listed(shape))(ignores_schema(script)))


def instances(shape: InstancesShape) -> Behaviour:
    """Write the instances in another form; no schema is obeyed."""
    return on(INSTANCES, lambda script: says(_paired(shape))(ignores_schema(script)))


def labels(shape: Callable[[str], str]) -> Behaviour:
    """Write the answers of the stage ``classify``, ``Yes`` and ``No``, in other words."""
    return on(("classify",), says(shape))


def _listed(shape: ListShape) -> Callable[[str], str]:
    return lambda text: shape(re.findall(r"^\d+\. (.+)$", text, re.MULTILINE))


def _paired(shape: InstancesShape) -> Callable[[str], str]:
    def change(text: str) -> str:
        fields = re.findall(r"<(input|output)>(.*?)</\1>", text, re.DOTALL)
        # Output-first comes label first.
        twos = [dict(fields[n : n + 2]) for n in range(0, len(fields), 2)]
        return shape([(two.get("input", ""), two.get("output", "")) for two in twos])

    return change


def numbered(mark: str, *, between: str = "\n") -> ListShape:
    """Return the shape that writes `mark` before each item; ``{n}`` is its number from 1."""
    return lambda items: between.join(mark.format(n=n) + item for n, item in enumerate(items, 1))


def wrapped(before: str, after: str = "", *, shape: ListShape | None = None) -> ListShape:
    """Return a shape with a remark before the list and another one after it."""
    inner = shape or numbered("{n}. ")
    return lambda items: f"{before}{inner(items)}{after}"


def cuts(finish_reason: str | None, *, keep: float = 0.6) -> Behaviour:
    """Cut every answer of the method off at a share of its length, and name that in this way.

    The usage says that all tokens asked for were used.
    """

    def changed(call: ScriptedCall, given: ScriptedReply) -> ScriptedReply:
        text = given.text or ""
        usage = {"prompt_tokens": 50, "completion_tokens": max_tokens(call)}
        usage["total_tokens"] = sum(usage.values())
        return replace(
            given,
            text=text[: int(len(text) * keep)],
            finish_reason=finish_reason,
            top_logprobs=None,
            edits=(*given.edits, lambda body: {**body, "usage": usage}),
        )

    return in_method(replies(changed))


def needs_long_limit(tokens: int, *, reasoning: str = THOUGHT) -> Behaviour:
    """Answer nothing but a thought where a call allows `tokens` tokens or fewer."""

    def changed(call: ScriptedCall, given: ScriptedReply) -> ScriptedReply:
        allowed = max_tokens(call)
        if not 0 < allowed <= tokens:
            return given
        usage = {"prompt_tokens": 50, "completion_tokens": allowed, "total_tokens": 50 + allowed}

        def edit(body: dict[str, object]) -> dict[str, object]:
            message = {"role": "assistant", "content": "", "reasoning_content": reasoning}
            choice = {"index": 0, "finish_reason": "length", "message": message}
            return {**body, "choices": [choice], "usage": usage}

        return replace(given, text="", top_logprobs=None, edits=(*given.edits, edit))

    return replies(changed)
