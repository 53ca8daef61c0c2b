"""Pairs of input and output, and the order in which their parts become pairs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a reply: objects with the fields `input` and `output`, or other values."""

    items: Sequence[object] = ()
    is_whole: bool = True
    """False: more was begun, or a part of the reply is unclear."""


def paired(sections: Iterable[tuple[str, str]], first: str, *, cut_off: bool) -> Pairs:
    """Return the pairs of sections, each with the name of its field.

    Args:
        sections: Names and contents, in the order of the reply.
        first: The field a new pair begins with, unless the reply begins with an input: only an
            input can be missing, so such a reply is in no doubt.
        cut_off: True when the reply was truncated; a last pair that lacks a field is then left out.
    """
    pairs: list[dict[str, str]] = []
    for name, content in sections:
        if not pairs and name == "input":
            first = name
        if not pairs or name == first or name in pairs[-1]:
            pairs.append({})
        pairs[-1][name] = content.strip()
    # An empty input without an output is nothing.
    pairs = [pair for pair in pairs if any(pair.values()) or "output" in pair]
    if cut_off and pairs and _is_open(pairs[-1], first):
        del pairs[-1]
    return Pairs(pairs if any("output" in pair for pair in pairs) else ())


def _is_open(pair: Mapping[str, str], first: str) -> bool:
    """Return True when the field that a pair ends with is missing."""
    return "output" not in pair or (first == "output" and "input" not in pair)
