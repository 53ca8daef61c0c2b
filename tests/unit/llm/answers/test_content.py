"""The text and the reasoning of a message, in the shapes that endpoints really send."""

from typing import Any

import pytest

from app.errors import ItemError
from app.llm.answers.content import Content, read_content
from app.llm.replies import read_completion

THOUGHT = "First I weigh the stone."
DEEP: Any = "never read"  # Any: a list in a list in a list, as JSON allows it.
for _ in range(30):
    DEEP = [DEEP]

# Any: messages as JSON has them.
MESSAGES: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "a plain text": ({"content": "Yes"}, "Yes", None),
    "DeepSeek, vLLM, SGLang": ({"content": "Yes", "reasoning_content": THOUGHT}, "Yes", THOUGHT),
    "reasoning that is null": ({"content": "Yes", "reasoning_content": None}, "Yes", None),
    "Groq, newer vLLM": ({"content": "Yes", "reasoning": THOUGHT}, "Yes", THOUGHT),
    "Ollama": ({"content": "Yes", "thinking": THOUGHT}, "Yes", THOUGHT),
    "OpenRouter": (
        {
            "content": "Yes",
            "reasoning": THOUGHT,
            "reasoning_details": [
                {"type": "reasoning.text", "text": THOUGHT, "format": None},
                {"type": "reasoning.encrypted", "data": "gAAAA"},
            ],
        },
        "Yes",
        THOUGHT,
    ),
    "OpenRouter, details alone": (
        {
            "content": "Yes",
            "reasoning": None,
            "reasoning_details": [{"type": "reasoning.summary", "summary": THOUGHT}],
        },
        "Yes",
        THOUGHT,
    ),
    "LiteLLM": (
        {"content": "Yes", "thinking_blocks": [{"type": "thinking", "thinking": THOUGHT}]},
        "Yes",
        THOUGHT,
    ),
    "Mistral": (
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                {"type": "text", "text": "Yes"},
            ]
        },
        "Yes",
        THOUGHT,
    ),
    "Anthropic": (
        {
            "content": [
                {"type": "thinking", "thinking": THOUGHT, "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "EmwK"},
                {"type": "text", "text": "Ye"},
                {"type": "text", "text": "s"},
            ]
        },
        "Yes",
        THOUGHT,
    ),
    "Gemini": (
        {
            "content": {
                "role": "model",
                "parts": [{"text": THOUGHT, "thought": True}, {"text": "A"}],
            }
        },
        "A",
        THOUGHT,
    ),
    "the Responses API": (
        {
            "content": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
                {"type": "message", "content": [{"type": "output_text", "text": "Yes"}]},
            ]
        },
        "Yes",
        THOUGHT,
    ),
    "Databricks": (
        {
            "content": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
                {"type": "text", "text": "Yes"},
            ]
        },
        "Yes",
        THOUGHT,
    ),
    "a text in an object": (
        {"content": [{"type": "text", "text": {"value": "Yes", "annotations": []}}]},
        "Yes",
        None,
    ),
    "Bedrock": (
        {"content": [{"reasoningContent": {"reasoningText": {"text": THOUGHT}}}, {"text": "Yes"}]},
        "Yes",
        THOUGHT,
    ),
    "fields of a gateway": (
        {"content": "Yes", "provider_specific_fields": {"reasoning_content": THOUGHT}},
        "Yes",
        THOUGHT,
    ),
    "fields of LangChain": (
        {"content": "Yes", "additional_kwargs": {"reasoning": THOUGHT}},
        "Yes",
        THOUGHT,
    ),
    "texts in a list": ({"content": ["Ye", "s"]}, "Yes", None),
    "parts nobody reads": (
        {
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                {"type": "tool_use", "input": {"text": "No"}},
                {"type": "text", "text": "Yes"},
                None,
                7,
            ]
        },
        "Yes",
        None,
    ),
    "the same reasoning twice": (
        {
            "content": [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": "A"}],
            "reasoning_content": THOUGHT,
        },
        "A",
        THOUGHT,
    ),
    "reasoning without an answer": ({"content": None, "reasoning_content": THOUGHT}, None, THOUGHT),
    "an empty list": ({"content": []}, None, None),
    "parts in parts without an end": ({"content": DEEP}, None, None),
}


@pytest.mark.parametrize("shape", MESSAGES)
def test_text_and_reasoning_are_read_apart(shape: str) -> None:
    message, text, reasoning = MESSAGES[shape]
    assert read_content(message.get("content"), message) == Content(text, reasoning)


def test_an_answer_of_reasoning_alone_is_empty_and_keeps_the_reasoning() -> None:
    message = {"content": None, "reasoning_content": THOUGHT}
    choice = {"finish_reason": "stop", "message": message}
    answer = read_completion({"choices": [choice], "usage": {"completion_tokens": 9}}, "m")
    assert (answer.text, answer.reasoning, answer.completion_tokens) == ("", THOUGHT, 9)


def test_reasoning_of_the_completions_endpoint_is_kept() -> None:
    choice = {"finish_reason": "stop", "text": "Yes", "reasoning_content": THOUGHT}
    answer = read_completion({"choices": [choice]}, "m")
    assert (answer.text, answer.reasoning) == ("Yes", THOUGHT)


def test_a_message_with_neither_is_no_answer() -> None:
    with pytest.raises(ItemError, match="without text"):
        read_completion({"choices": [{"finish_reason": "stop", "message": {"content": []}}]}, "m")


def test_a_refusal_is_none_of_the_answers_beside_reasoning() -> None:
    message = {"content": None, "reasoning": THOUGHT, "refusal": "I will not."}
    with pytest.raises(ItemError, match="I will not"):
        read_completion({"choices": [{"finish_reason": "stop", "message": message}]}, "m")


def test_the_chunk_of_a_stream_is_read_as_an_answer() -> None:
    chunk = {"finish_reason": "stop", "delta": {"content": "Yes", "reasoning": THOUGHT}}
    answer = read_completion({"object": "chat.completion.chunk", "choices": [chunk]}, "m")
    assert (answer.text, answer.reasoning) == ("Yes", THOUGHT)
