"""The tokenizer of a model in llama.cpp, as `app.training.plain.encoding` needs it.

It renders prompts as in training on machines without transformers.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.errors import InvalidInput, StackError


class ServedTokenizer:
    """Tokenizes by the server; special tokens and chat template come from the adapter's files."""

    def __init__(self, http: httpx.Client, adapter: Path) -> None:
        self._http = http
        config = _tokenizer_config(adapter)
        self.chat_template = _chat_template(adapter, config)
        self.eos_token = _token(config, "eos_token")
        self.eos_token_id = self._single_id(self.eos_token)
        bos_token = _token(config, "bos_token")
        self.bos_token_id = self._single_id(bos_token)
        self._template = _compiled(self.chat_template) if self.chat_template else None
        self._special = {"bos_token": bos_token or "", "eos_token": self.eos_token or ""}

    def __call__(
        self,
        text: str | Sequence[str],
        *,
        add_special_tokens: bool = True,
        split_special_tokens: bool = False,
    ) -> Mapping[str, Any]:
        """Tokenize a text, or each of several texts, as transformers does.

        With `split_special_tokens`, names of special tokens are plain text.
        """
        flags = {"add_special": add_special_tokens, "parse_special": not split_special_tokens}
        if isinstance(text, str):
            return {"input_ids": self._ids(text, flags)}
        return {"input_ids": [self._ids(each, flags) for each in text]}

    def _ids(self, text: str, flags: Mapping[str, bool]) -> list[int]:
        try:
            answer = self._http.post(
                "/tokenize", json={"content": text, **flags}
            ).raise_for_status()
            return [int(token) for token in answer.json()["tokens"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise StackError(f"The model server failed to tokenize: {error}") from error

    def apply_chat_template(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tokenize: bool,
        add_generation_prompt: bool = False,
        **variables: bool,
    ) -> str:
        """Render a chat; `tokenize` is an argument of transformers and must be False.

        Raises:
            InvalidInput: the adapter has no chat template.
            TemplateError: the template rejects the messages.
        """
        if tokenize or self._template is None:
            raise InvalidInput("The adapter has no chat template.")
        return self._template.render(
            messages=messages,
            add_generation_prompt=add_generation_prompt,
            **variables,
            **self._special,
        )

    def _single_id(self, token: str | None) -> int | None:
        ids = self(token, add_special_tokens=False)["input_ids"] if token else []
        return ids[0] if len(ids) == 1 else None


def _tokenizer_config(adapter: Path) -> Mapping[str, Any]:
    # `Any` because it is JSON.
    try:
        config = json.loads((adapter / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"The tokenizer files of the adapter cannot be read: {error}") from error
    return config if isinstance(config, dict) else {}


def _chat_template(adapter: Path, config: Mapping[str, Any]) -> str | None:
    file = adapter / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = config.get("chat_template")
    return template if isinstance(template, str) else None


def _token(config: Mapping[str, Any], name: str) -> str | None:
    token = config.get(name)
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _compiled(template: str) -> Template:
    # The same settings as in transformers, for the same white space.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    try:
        return environment.from_string(template)
    except TemplateError as error:
        raise InvalidInput(f"The adapter's chat template cannot be read: {error}") from error


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> None:
    raise TemplateError(message)
