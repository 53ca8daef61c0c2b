"""Pairs in JSON, whatever the keys are called."""

from collections.abc import Mapping, Sequence

from app.pipeline.default.pairs.pairs import Pairs
from app.pipeline.replies.json_fields import text_of
from app.pipeline.replies.lenient_json import json_values

_LISTS = ("instances", "examples", "data", "items", "results", "pairs", "arguments", "parameters")
_OUTPUTS = (
    "output", "answer", "response", "label", "class_label", "expected_output", "completion",
    "output_text", "target",
)  # fmt: skip
_INPUT = ("input", "input_text")
_OTHER_INPUTS = ("context", "passage", "text", "sentence", "question", "prompt")


def pairs_in_json(text: str, before: int) -> Pairs | None:
    """Return the pairs in JSON that begins before `before`; None without any."""
    items: list[object] = []
    is_json, is_whole = False, True
    for found in json_values(text):
        if not is_json and found.start >= before:
            return None
        listed = _listed(found.value)
        if listed is not None:
            is_json, is_whole = True, is_whole and found.is_whole
            items += [_fields(item) for item in listed]
        elif _has_output(found.value):
            is_json, is_whole = True, is_whole and found.is_whole
            items += [_fields(found.value)] if found.is_whole else []
    return Pairs(items, is_whole) if is_json else None


def _listed(value: object) -> Sequence[object] | None:
    if isinstance(value, list):
        return value if any(map(_has_output, value)) else None
    if not isinstance(value, Mapping):
        return None
    keyed = {str(key).casefold(): held for key, held in value.items()}
    for name in _LISTS:
        held = keyed.get(name)
        if isinstance(held, list):
            return held
        if isinstance(held, Mapping):
            return [held] if _has_output(held) else _listed(held)
    if keyed and all(map(_has_output, keyed.values())):
        return list(keyed.values())
    lists = [held for held in value.values() if isinstance(held, list)]
    return _listed(lists[0]) if len(lists) == 1 and not _has_output(value) else None


def _has_output(value: object) -> bool:
    return isinstance(value, Mapping) and bool(_named(value, _OUTPUTS))


def _named(item: Mapping[str, object], names: Sequence[str]) -> list[str]:
    """Return the keys of an item that have one of the names, as the item writes them."""
    keys = {str(key).casefold().replace(" ", "_"): key for key in item}
    return [keys[name] for name in names if name in keys]


def _fields(item: object) -> object:
    if not isinstance(item, Mapping):
        return item
    fields: dict[str, object] = {}
    outputs, inputs = _named(item, _OUTPUTS), _named(item, _INPUT)
    if outputs:
        fields["output"] = item[outputs[0]]
    inputs = inputs[:1] or _named(item, _OTHER_INPUTS)
    if len(inputs) == 1:
        fields["input"] = item[inputs[0]]
    elif inputs:
        # A question without its context can't be answered.
        fields["input"] = "\n".join(f"{key}: {text_of(item[key]) or ''}" for key in inputs)
    return fields
