"""YAML written plainly, for the configurations of other programs; it reads none."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS_WITH_A_MEANING = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def yaml_text(values: Mapping[str, Any]) -> str:
    """Write numbers, texts, lists and mappings so that every reader takes them as they were."""
    return "".join(f"{line}\n" for line in _mapping(values))


def _mapping(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{key}:"
            yield from (f"  {line}" for line in _mapping(value))
        elif isinstance(value, list | tuple):
            yield f"{key}:"
            for one in value:
                yield from _item(one)
        else:
            yield f"{key}: {_scalar(value)}"


def _item(value: object) -> Iterator[str]:
    first, *rest = _mapping(value) if isinstance(value, Mapping) else [_scalar(value)]
    yield f"  - {first}"
    yield from (f"    {line}" for line in rest)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS_WITH_A_MEANING
        return value if is_plain else _quoted(value)
    if isinstance(value, float):
        # Without a point some readers take 1e-05 for a text.
        digits, e, exponent = repr(value).partition("e")
        return f"{digits}{'' if '.' in digits else '.0'}{e}{exponent}"
    return json.dumps(value)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
