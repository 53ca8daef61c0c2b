"""The models that an endpoint lists, and the context lengths that servers put beside them."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.llm.openai_provider import OpenAIProvider

_CONTEXT_NAMES = (
    "max_model_len",  # vLLM
    "context_length",  # OpenRouter, Together
    "max_context_length",  # Mistral, LM Studio
    "loaded_context_length",  # LM Studio
    "context_window",  # Groq
    "n_ctx",  # llama.cpp
    "n_ctx_train",
)


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model of an endpoint's list."""

    name: str
    context_tokens: int | None = None
    """Longest prompt and answer together; None: the endpoint doesn't say it."""


def list_models(provider: OpenAIProvider) -> tuple[ListedModel, ...] | None:
    """Return the models at ``/models``; None when the endpoint has no such list."""

    async def ask() -> object:
        try:
            return await provider.get("/models")
        finally:
            await provider.aclose()

    return read_models(asyncio.run(ask()))


def read_models(listed: object) -> tuple[ListedModel, ...] | None:
    """Read the JSON of a list of models; None: it is none."""
    inner = listed.get("data", listed.get("models")) if isinstance(listed, Mapping) else listed
    if not isinstance(inner, list):
        return None
    return tuple(model for entry in inner if (model := _read(entry)) is not None)


def _read(entry: object) -> ListedModel | None:
    if not isinstance(entry, Mapping):
        return None
    name = entry.get("id") or entry.get("name")
    if not isinstance(name, str):
        return None
    # Gemini puts the kind before the name.
    return ListedModel(name.removeprefix("models/"), _context_of(entry))


def _context_of(entry: Mapping[str, Any]) -> int | None:
    places: Iterable[object] = (entry, entry.get("meta"), entry.get("top_provider"))
    for place in places:
        for name in _CONTEXT_NAMES if isinstance(place, Mapping) else ():
            value = place.get(name) if isinstance(place, Mapping) else None
            if isinstance(value, int) and value > 0:
                return value
    return None
