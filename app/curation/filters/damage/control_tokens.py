"""Control tokens of chat templates in a text: ``<|im_end|>``, ``</s>``, ``[INST]`` and their like.

A row about tokens stays: the request speaks of them, or the token stands in quotes, in code, or
before a word such as "token". `leftover_markers` mends the ends of outputs; this filter drops what
is left, in all three texts and of every template.
"""

import re

from app.curation.filter import Dropped, Filter
from app.curation.filters.quoting import is_quoted
from app.curation.filters.wording import mentions
from app.dataset_row import Record

_BAR = r"[|\uff5c]"
_TOKEN = re.compile(
    rf"""<{_BAR}[A-Za-z][\w\u2581 -]{{1,40}}{_BAR}>
      | \[/?(?-i:INST)\] | <</?SYS>> | </?(?:start|end)_of_turn> | <(?:eos|bos|pad|unk|endoftext)>
      | <extra_id_\d{{1,3}}> | <unused\d{{1,3}}> | <\|im_(?:start|end)
      | </s> | \A\s*<s>(?![^\0]*</s>)""",
    re.IGNORECASE | re.VERBOSE,
)
_HINTS = (
    "<|", "<\uff5c", "[/", "[I", "[i", "<<", "_of_turn", "<s>", "</s>", "</S>", "<eos", "<bos",
    "<pad", "<unk", "<endof", "<extra_id", "<unused",
)  # fmt: skip
_STRUCK = re.compile(r"<s(?:\s[^>]*)?>", re.IGNORECASE)
_OF_TOKENS = mentions(
    """
    token tokens tokenise* tokenize* tokenization tokenizer* ChatML chat_template chat_templates
    prompt_template prompt_templates prompt_format special_characters vocabulary delimiter*
    separator* regex regexp regular_expression strikethrough strike-through struck
    """
)
_NAMED = re.compile(r"[ \t]*(?:tokens?|tags?|markers?|symbols?|delimiters?)\b", re.IGNORECASE)


def apply(record: Record) -> Record | Dropped:
    """Drop a record with a control token that it is not about."""
    texts = (record.instruction, record.input, record.output)
    if not any(hint in text for text in texts for hint in _HINTS):
        return record
    if _OF_TOKENS.search(record.request) or _speaks_of_one(record.request):
        return record
    for text in texts:
        for found in _TOKEN.finditer(text):
            spoken_of = is_quoted(text, found) or _is_named(text, found)
            if not spoken_of and not _is_struck_out(text, found):
                return Dropped("control_token", found.group().strip())
    return record


def _speaks_of_one(request: str) -> bool:
    """Return True when a token stands in the midst of a line of the request."""
    for line in request.splitlines():
        for found in _TOKEN.finditer(line):
            before, after = line[: found.start()].strip(), line[found.end() :].strip()
            if before and after and not _TOKEN.match(after) and not _TOKEN.search(before):
                return True
    return False


def _is_named(text: str, found: re.Match[str]) -> bool:
    """Return True when a word such as "token" follows on the line, and something is before it."""
    line_start = text.rfind("\n", 0, found.start()) + 1
    before = text[line_start : found.start()]
    return _NAMED.match(text, found.end()) is not None and bool(before.strip())


def _is_struck_out(text: str, found: re.Match[str]) -> bool:
    """Return True when ``</s>`` closes struck-out HTML."""
    return found.group().lower() == "</s>" and _STRUCK.search(text, 0, found.start()) is not None


CONTROL_TOKENS = Filter(
    name="control_tokens",
    about="A text has control tokens of a chat template, such as `<|im_end|>` or `[INST]`.",
    reasons=("control_token",),
    apply=apply,
    on=False,
)
