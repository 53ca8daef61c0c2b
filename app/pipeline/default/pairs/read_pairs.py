"""Pairs of input and output in a chat reply: JSON, tables, tags, or labels such as ``Input:``.

The form that comes first is read: an output may hold the others. Models leave tags open, number
their examples, put them in bold, quote them and wrap all of it in a fence. What has no clear end is
left out.
"""

import re
from collections.abc import Iterable

from app.pipeline.default.lists.markup import without_markup
from app.pipeline.default.pairs.content import without_quote_marks
from app.pipeline.default.pairs.in_json import pairs_in_json
from app.pipeline.default.pairs.labelled import first_label, labelled
from app.pipeline.default.pairs.pairs import Pairs, paired
from app.pipeline.default.pairs.tables import pairs_in_table
from app.pipeline.default.pairs.tags import tagged, tags_in

# "Answer: {"instances": ...": the label announces all pairs.
_ANNOUNCEMENT = re.compile(
    r"\W{0,6}(?:answer|output|response|result|examples|instances)\W{0,6}:\W{0,6}?(?:```\w{0,10}\s)?\s{0,9}(?=[\[{])",
    re.I,
)
_DOUBLE_TAG = re.compile(r"<<(/?(?:input|output)\d{0,2})>>", re.I)
_MARKUP = re.compile(
    r"^[ \t]{0,8}(?:\\(?:begin\{|item\b|documentclass)|<(?:ol|ul|p|table|html|!doctype|div)\b)",
    re.I | re.M,
)
_QUOTED_LINES = re.compile(r"(?:^[ \t]{0,3}>[^\n]*(?:\n|\Z))+", re.M)


def read_pairs(text: str, *, first: str, cut_off: bool, about: str = "") -> Pairs:
    """Read the pairs of a reply.

    Args:
        text: The answer of the model, without thoughts.
        first: The field a new pair begins with.
        cut_off: True when the reply was truncated; what is open at its end is then not read.
        about: The task. Where it asks for an explanation, one is part of the output.
    """
    text = _DOUBLE_TAG.sub(r"<\1>", _unquoted(text))
    if not tags_in(text) and _MARKUP.search(text[: first_label(text)]):
        # The labels stand inside HTML or LaTeX.
        text = without_markup(text)
    announced = _ANNOUNCEMENT.match(text)
    found = pairs_in_json(text[announced.end() :], 1) if announced else None
    if found is not None:
        return found
    tags = tags_in(text)
    label = first_label(text)
    tag = tags[0].start() if tags else len(text)
    begins = min(tag, len(text) if label is None else label)
    found = pairs_in_json(text, begins)
    if found is None:
        found = pairs_in_table(text, begins, about=about, cut_off=cut_off)
    if found is not None:
        return found
    sections: Iterable[tuple[str, str]] = ()
    if not tags or (label is not None and label < tag):
        sections = labelled(text, first=first, about=about, cut_off=cut_off)
    if tags and not sections:
        sections = tagged(text, tags, first=first, cut_off=cut_off)
    return paired(sections, first, cut_off=cut_off)


def _unquoted(text: str) -> str:
    """Return a reply without the marks of block quotes that its fields stand in."""
    quotes = list(_QUOTED_LINES.finditer(text)) if ">" in text else []
    plain = {quote.span(): without_quote_marks(quote.group()) for quote in quotes}
    opening = next((span for span, inner in plain.items() if _has_field(inner)), None)
    # An output may quote what looks like a field.
    if opening is None or _has_field(text[: opening[0]]):
        return text
    parts, position = [], 0
    for (start, end), inner in plain.items():
        if _has_field(inner):
            parts += [text[position:start], inner, "\n"]
            position = end
    return "".join([*parts, text[position:]])


def _has_field(text: str) -> bool:
    return bool(tags_in(text)) or first_label(text) is not None or text.startswith(("{", "["))
