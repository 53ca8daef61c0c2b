"""Names of the speakers of a chat, as people's collections have them."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from app.errors import Fault, InvalidInput

Speaker: TypeAlias = Literal["system", "user", "assistant"]
SPEAKERS: tuple[Speaker, ...] = get_args(Speaker)
_NAMES: Mapping[Speaker, tuple[str, ...]] = {
    "system": ("system", "developer"),
    "user": ("user", "human", "prompter", "instruction"),
    "assistant": (
        *("assistant", "gpt", "bot", "chatbot", "model", "ai", "chatgpt", "gpt4", "gpt-4"),
        *("bing", "bard", "claude", "gemini"),
    ),
}
ROLES: Mapping[str, Speaker] = {
    name: speaker for speaker, names in _NAMES.items() for name in names
}
"""Speakers by name, in lower case."""
TOOL_ROLES = frozenset(
    {
        *("tool", "tools", "function", "observation", "ipython", "function_call", "function-call"),
        *("function_response", "function-response", "tool_call", "tool_calls", "tool_response"),
        *("tool_result", "tool_output"),
    }
)
"""Names of what speaks where a tool is called."""


def role_map(given: Mapping[str, str] | None) -> Mapping[str, Speaker]:
    """Return the known names with those given by the user, which come first.

    Raises:
        InvalidInput: a name is mapped to something that is no speaker.
    """
    if not given:
        return ROLES
    speakers: dict[str, Speaker] = {name: name for name in SPEAKERS}
    faults = [
        Fault(f"{name[:50]!r} must be one of {', '.join(SPEAKERS)}", field="roles")
        for name, to in given.items()
        if to not in speakers
    ]
    if faults:
        raise InvalidInput("The roles have faults.", faults)
    return {**ROLES, **{name.strip().lower(): speakers[to] for name, to in given.items()}}
