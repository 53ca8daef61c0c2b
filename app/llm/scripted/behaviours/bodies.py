"""The JSON around an answer: content parts, reasoning fields, usage, streams, latency."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.llm.scripted.behaviours.combine import Behaviour, replies
from app.llm.scripted.behaviours.refusals import prompt_tokens
from app.llm.scripted.behaviours.wordings import THOUGHT
from app.llm.scripted.wire import Edit, Json, ScriptedCall, ScriptedReply


def edits(*changes: Edit) -> Behaviour:
    """Change the JSON body of every answer."""
    return replies(lambda _call, given: replace(given, edits=(*given.edits, *changes)))


def edits_message(change: Edit) -> Behaviour:
    """Change the JSON object ``message`` of every choice of every answer."""

    def edit(body: Json) -> Json:
        choices = [{**one, "message": change(one["message"])} for one in body.get("choices") or []]
        return {**body, "choices": choices}

    return edits(edit)


def content_parts(parts: Callable[[str], Sequence[Json]]) -> Behaviour:
    """Send the content as a list of parts, as Mistral does."""
    return edits_message(lambda message: {**message, "content": parts(message["content"] or "")})


def thinking_part(text: str) -> Sequence[Json]:
    """Return a thought and a text as parts of a content."""
    thought = [{"type": "text", "text": THOUGHT}]
    return [{"type": "thinking", "thinking": thought}, {"type": "text", "text": text}]


def reasons(name: str = "reasoning_content", *, thought: str = THOUGHT) -> Behaviour:
    """Send thoughts in a field of the message beside the content."""
    return edits_message(lambda message: {**message, name: thought})


def finishes(reason: str | None) -> Behaviour:
    """Name this finish reason with every answer."""
    return replies(lambda _call, given: replace(given, finish_reason=reason))


def streams() -> Behaviour:
    """Send every answer as a stream of events, though no call asks for one."""
    return replies(lambda _call, given: replace(given, is_stream=True))


def takes(delay_s: float) -> Behaviour:
    """Answer after a delay, in seconds."""
    return replies(lambda _call, given: replace(given, delay_s=delay_s))


@dataclass(slots=True)
class Bill:
    """The tokens that the endpoint's owner charges for."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


UsageShape = Callable[[int, int], Json | None]
"""Writes the tokens of a prompt and of an answer as the JSON ``usage``; None: there is none."""


def usual_usage(prompt: int, completion: int) -> Json:
    """Return the usage as the API of OpenAI writes it."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def bills(shape: UsageShape = usual_usage, *, bill: Bill, thinking_tokens: int = 0) -> Behaviour:
    """Write the usage in another shape, and add what every answer costs to a bill.

    Args:
        shape: Writes the usage.
        bill: Gets the tokens, whatever the usage says.
        thinking_tokens: Tokens of thoughts, added to those of every answer. A token is four
            characters.
    """

    def changed(call: ScriptedCall, given: ScriptedReply) -> ScriptedReply:
        if given.status != 200 or given.body is not None:
            return given
        prompt = max(1, prompt_tokens(call))
        completion = max(1, len(given.text or "") // 4) + thinking_tokens
        bill.calls += 1
        bill.prompt_tokens += prompt
        bill.completion_tokens += completion
        usage = shape(prompt, completion)

        def edit(body: Json) -> Json:
            rest = {name: value for name, value in body.items() if name != "usage"}
            return rest if usage is None else {**rest, "usage": usage}

        return replace(given, edits=(*given.edits, edit))

    return replies(changed)
