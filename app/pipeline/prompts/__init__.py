"""Prompt templates as text files next to the code, each with a version.

A version is the template's name and a hash of everything in the prompt that does not change from
call to call, worked examples included: two replies with equal versions were asked the same way.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from string import Template
from typing import Any, Self

from app.pipeline.types import TextPrompt

_PLACE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """A prompt text with named placeholders and a version."""

    name: str
    text: str
    fixed: Mapping[str, str]
    """Values of placeholders that are the same in every call, such as worked examples."""

    @property
    def version(self) -> str:
        """Name and hash, such as ``paper/classify@1f3a5c7e9b0d``."""
        unchanging = json.dumps([self.text, dict(self.fixed)], ensure_ascii=False, sort_keys=True)
        return f"{self.name}@{_short_hash(unchanging)}"

    def fixing(self, **values: object) -> Self:
        """Return the template with values from the run's options, which become part of its text."""
        return replace(self, fixed={**self.fixed, **{k: str(v) for k, v in values.items()}})

    def render(self, **values: object) -> str:
        """Replace the placeholders by values.

        Raises:
            KeyError: when a place has no value; a defect of the calling stage.
        """
        return Template(self.text).substitute(self.fixed, **values)

    def render_text(self, **values: object) -> TextPrompt:
        """Render a prompt of the completions endpoint, its unchanging first part marked."""
        changing = (place for place in _PLACE.finditer(self.text) if place.group(1) in values)
        first = next(changing, None)
        unchanging = Template(self.text[: first.start() if first else None]).substitute(self.fixed)
        return TextPrompt(self.render(**values), unchanging=len(unchanging))


def chat_version(
    system: PromptTemplate, user: PromptTemplate, worked: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Return the version of a chat prompt: of both turns and the worked examples between them."""
    parts = [system.text, dict(system.fixed), user.text, dict(user.fixed), list(worked)]
    words = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return f"{system.name.removesuffix('.system')}@{_short_hash(words)}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def template(name: str, **fixed: str) -> PromptTemplate:
    """Load ``prompts/<name>.txt``; one newline at its end belongs to the file, not the prompt."""
    text = resources.files(__name__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return PromptTemplate(name, text.removesuffix("\n"), fixed)


@cache
def worked_examples(name: str) -> tuple[Mapping[str, Any], ...]:
    """Load the worked examples ``prompts/examples/<name>.jsonl`` that few-shot prompts show."""
    lines = resources.files(__name__).joinpath(f"examples/{name}.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in lines.splitlines())
