"""Control tokens of chat templates that endpoints leave at the edges of a reply.

``<|im_end|>``, ``<|eot_id|>``, ``</s>``, ``[/INST]`` and their like. A token in the middle of a
sentence stays: a task may be about it.
"""

import re

_ROLE = r"(?:assistant|model|chatbot|gpt)"
_BAR = r"[|\uff5c]"
# All tokens between bars: every template has others, and no text begins or ends with one by itself.
# Those of thoughts and channels are read elsewhere.
_OTHERS = (
    r"(?![^>\n]{0,40}(?:think|thought|inner_|channel|message|content|solution|RESPONSE|answer_))"
)
_BARRED = (
    rf"<{_OTHERS}{_BAR}[A-Za-z][\w\u2581 -]{{0,40}}{_BAR}?>|<{_OTHERS}[A-Za-z_]{{1,20}}{_BAR}>"
)
_NAMED = (
    r"</?s>|<(?:eos|bos|pad|unk|eod|EOT|eot|end|endoftext)>|<(?:start|end)_of_turn>"
    r"|</?(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|\[(?:EOS|BOS|PAD|EOT)\]"
    r"|\[\|[A-Za-z]{3,20}\|\]|\[/?(?:RESP|ASSISTANT|AVAILABLE_TOOLS)\]|<extra_id_\d{1,3}>|<unused\d{1,3}>"
)
_TOKEN = rf"(?:{_BARRED}|{_NAMED})"
# A header such as <|im_start|>assistant or <|start_header_id|>assistant<|end_header_id|>.
_LEADING = re.compile(rf"\s*(?:{_TOKEN}(?:{_ROLE}\b(?=\s|<|:))?:?\s*)+", re.I)
_BARE_ROLE = re.compile(r"\s*assistant[ \t]*:?[ \t]*\n\s*(?=\S)")
_TRAILING = re.compile(rf"(?:\s*{_TOKEN})+\s*\Z", re.I)
_END = (
    rf"<{_BAR}(?:im_end|eot_id|eom_id|end_of_text|endoftext|end|return|eot|END_OF_TURN_TOKEN"
    rf"|end\u2581of\u2581sentence|assistant_end|end_of_turn|endofturn|end_of_role|eos){_BAR}>"
    r"|<end_of_turn>|<turn\|>|</s>|<eos>|\[EOS\]"
)
_NEXT_TURN = re.compile(rf"(?:{_END})\s*(?={_TOKEN})", re.I)
# A search from each white space of a long run of it would take the square of its length.
_TAIL = 400


def without_control_tokens(text: str) -> str:
    """Return a text without the control tokens at its edges, and without further turns."""
    if "<" not in text and "[" not in text:
        return _without_bare_role(text)
    text = without_leading_tokens(text)
    turn = _NEXT_TURN.search(text)
    if turn and not _is_struck_out(text[: turn.start()], turn.group()):
        text = text[: turn.start()]
    return _without_trailing(_without_bare_role(text))


def without_leading_tokens(text: str) -> str:
    """Return a text without the tokens and the role that begin a turn."""
    lead = _LEADING.match(text)
    if lead is None or ("<s>" in lead.group() and "</s>" in text.rstrip()[:-4]):
        return text
    return text[lead.end() :]


def _without_bare_role(text: str) -> str:
    """Remove the role that is left where a server hides the tokens around it."""
    role = _BARE_ROLE.match(text) if text.lstrip()[:9] == "assistant" else None
    return text[role.end() :] if role else text


def _without_trailing(text: str) -> str:
    stripped = text.rstrip()
    tail = _TRAILING.search(stripped[-_TAIL:])
    if tail is None or _is_struck_out(stripped, tail.group()):
        return text
    return stripped[: len(stripped) - len(tail.group())]


def _is_struck_out(text: str, token: str) -> bool:
    """Return True when ``</s>`` closes struck-out HTML rather than the text."""
    return token.strip().lower() == "</s>" and "<s>" in text.lower()
