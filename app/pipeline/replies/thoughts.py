"""Thoughts in the text of a reply, and their removal.

Endpoints should send a model's reasoning apart, and many leave it in the text:

| form | models |
|---|---|
| `<think>...</think>` (thinking, thought, reflection ...) | DeepSeek, Qwen, GLM, Phi |
| only `</think>` | templates that put the opening tag into the prompt |
| `<seed:think>`, `[THINK]`, triangles, `<|START_THINKING|>` | Seed, Magistral, Kimi, Command A |
| `<|begin_of_thought|>`, `<|inner_prefix|>`, `<|channel>thought` | OpenThinker, Apertus, Gemma 4 |
| `<unused94>thought`, `<details type="reasoning">`, `Thinking...` | MedGemma, Open WebUI, Ollama |
| `Here is my thought process:`, `Here is my response:` | Granite 3.2 |
| `<|channel|>analysis<|message|>`, or `analysis...assistantfinal...` | gpt-oss |

A task or an answer may be about such tags. So a tag counts only where a template puts it: at the
beginning, or at the edge of a line. Never in quotation marks or code, and in the middle of a reply
never after a colon nor where the request is about the tag.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from app.pipeline.replies.control_tokens import without_leading_tokens

_NAMES = (
    r"(?:(?:seed|antml|ant|mm|longcat|deep|hy|ling|step|kimi|qwen|glm)[_:-])?think(?:ing)?(?:[_-](?:fast|slow|process|block|never|always))?"
    r"|thought|thoughts|thought_process|reasoning|reflection|reflect|scratchpad"
    r"|(?:inner|internal)[_-]?(?:monologue|thoughts?|reasoning|dialogue)|chain[_-]of[_-]thoughts?"
    r"|analysis|planning|reasoning_process|reasoning_content|deliberation|cot|antthinking"
    r"|\u601d\u8003|\u601d\u8003\u8fc7\u7a0b|\u63a8\u7406"
)
_BRACKETED = r"think|thinking|thought|thoughts|reasoning"
_BAR = r"[|\uff5c]"
_OF = r"(?:_|\u2581| )of(?:_|\u2581| )"
_OPENING = (
    rf"<(?:{_NAMES})(?:\s[^<>\n]{{0,80}})?>|&lt;(?:{_NAMES})&gt;|\[(?:{_BRACKETED})\]|\u25c1think\u25b7"
    rf"|\\<think(?:ing)?\\?>"
    rf"|<{_BAR}(?:START_THINKING|inner_prefix|think|thinking){_BAR}>"
    rf"|<{_BAR}(?:begin|start){_OF}th(?:ought|inking){_BAR}>"
    rf"|<{_BAR}(?:thoughts?|thinking|reasoning)_(?:begin|start){_BAR}>"
    r"|<\|channel>(?:thought|analysis)?"
)
_CLOSING = (
    rf"</\s?(?:{_NAMES})\s?>|&lt;/(?:{_NAMES})&gt;|\[/(?:{_BRACKETED})\]|\u25c1/think\u25b7"
    rf"|\\</think(?:ing)?\\?>|<{_BAR}(?:thoughts?|thinking|reasoning)_end{_BAR}>"
    rf"|<{_BAR}(?:END_THINKING|inner_suffix|/think|/thinking|end_think){_BAR}>"
    rf"|<{_BAR}end{_OF}th(?:ought|inking){_BAR}>|<channel\|>"
)
_BRACKET = re.compile(rf"\[(?!THINK\])(?:{_BRACKETED})\]", re.I)
_BRACKET_END = re.compile(rf"\[/(?:{_BRACKETED})\]", re.I)
_SIGN = re.compile(r"[<&\[\u25c1\\]")
_TAG = re.compile(rf"(?P<closing>{_CLOSING})|(?P<opening>{_OPENING})", re.I)
# Nearly no reply has one of these, and a search for them is the cheapest of all.
_HINTS = ("think", "thought", "reason", "reflect", "inner_", "scratchpad", "channel", "planning",
          "analysis", "<|content|>", "deliberat", "<cot>", "monologue", "\u601d\u8003",
          "\u63a8\u7406")  # fmt: skip
_OPENING_QUOTES = "\"'`\u2018\u201c\u00ab\u300c\u201e("
_CLOSING_QUOTES = "\"'`\u2019\u201d\u00bb\u300d)"
_SENTENCE_END = ".!?\u2026\u3002\uff01\uff1f)*\"'`}]>|"
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.M)
# Forms of one model or server, at the beginning only.
_OWN_FORM = re.compile(
    r"\s*(?:<(?P<own>unused|ctrl)94>thought\b.*?(?:<(?P=own)95>|\Z)"
    r"|<think(?:ing)?\s?/>"
    r"|```(?:think|thinking|thought|thoughts|reasoning)[ \t]*\n.*?(?:\n[ \t]*```|\Z)"
    r"|<details>\s*<summary>[^<>\n]{0,40}(?:think|thought|reasoning)[^<>\n]{0,40}</summary>"
    r".*?(?:</details>|\Z)"
    r"|```[ \t]*\n\s*<(?P<fenced>think|thinking|thought|reasoning)>.*?</(?P=fenced)>\s*```"
    r"|<details\s[^<>\n]{0,40}type=\"reasoning\"[^<>\n]{0,80}>.*?(?:</details>|\Z)"
    r"|Thinking\.\.\.\s*\n.*?\n\s*\.\.\.\s?done thinking\.)",
    re.S | re.I,
)
_ROLE = re.compile(r"\s*(?:assistant|ai)\s?:\s*(?=[<\[&])", re.I)
_GRANITE = re.compile(r"\s*Here(?:'s| is) my thought process:", re.I)
_GRANITE_ANSWER = re.compile(r"Here(?:'s| is) my response:\s*", re.I)


class _Tag(NamedTuple):
    start: int
    end: int
    is_closing: bool
    is_free: bool
    """False in quotation marks or code, where a tag is spoken of."""


def without_thoughts(text: str, *, about: str = "") -> str:
    """Return the text after the reasoning; an empty text when the reasoning never ends.

    Args:
        text: The reply.
        about: The request. Tags that it speaks of stay in the middle of the reply.
    """
    text = text.removeprefix("\ufeff")
    folded = text.lower()
    if not any(hint in folded for hint in _HINTS):
        return _after_bare_channel(text)
    own = _OWN_FORM.match(text)
    if own:
        return text[own.end() :]
    text = without_leading_tokens(_final_channel(text))
    role = _ROLE.match(text)
    if role and _TAG.match(text, role.end()):
        text = text[role.end() :]
    granite = _GRANITE.match(text)
    if granite:
        answer = _GRANITE_ANSWER.search(text, granite.end())
        return text[answer.end() :] if answer else ""
    return _without_blocks(text, about)


def _without_blocks(text: str, about: str) -> str:
    """Remove what stands in tags of thoughts."""
    tags = _tags(text)
    start = _end_of_opening_blocks(text, tags)
    if start is None:
        return ""
    rest = [tag for tag in tags if tag.is_free and tag.start >= start]
    if not rest or _TAG.search(about):
        return text[start:]
    if start and len(rest) == 1 and rest[0].is_closing and not text[rest[0].end :].strip():
        # A block was closed twice.
        return text[start : rest[0].start]
    return _without_later_blocks(text, start, rest)


def _tags(text: str) -> list[_Tag]:
    fences = [fence.start() for fence in _FENCE.finditer(text)]
    found, fence = [], 0
    # Only where a tag can begin: the pattern has many branches, so that a search takes 40 times as
    # long.
    begun = (_TAG.match(text, sign.start()) for sign in _SIGN.finditer(text))
    is_bracketed = _BRACKET_END.search(text) is not None
    for tag in (tag for tag in begun if tag is not None):
        if _BRACKET.fullmatch(tag.group()) and not is_bracketed:
            # A word in brackets begins thoughts only where they end in the same way.
            continue
        while fence < len(fences) and fences[fence] < tag.start():
            fence += 1
        # A fence that is never closed hides nothing.
        in_code = fence % 2 == 1 and fence < len(fences)
        before, after = text[tag.start() - 1 : tag.start()], text[tag.end() : tag.end() + 1]
        quoted = bool(before and after) and before in _OPENING_QUOTES and after in _CLOSING_QUOTES
        free = not in_code and not quoted and "`" not in (before, after)
        found.append(_Tag(tag.start(), tag.end(), tag.group("closing") is not None, free))
    return found


def _end_of_opening_blocks(text: str, tags: Sequence[_Tag]) -> int | None:
    """Return where the blocks that a text begins with end; None when one of them never does.

    Thoughts may speak of tags. Quoted ones don't count, and one opened inside is closed first.
    """
    start = at = 0
    while at < len(tags):
        tag = tags[at]
        if tag.is_closing or text[start : tag.start].strip():
            return start
        depth, last = 1, at
        while depth and last + 1 < len(tags):
            last += 1
            depth += (-1 if tags[last].is_closing else 1) if tags[last].is_free else 0
        last = _last_closing(text, tags, last) if not depth else last
        if depth:
            closing = [tag.end for tag in tags[at:] if tag.is_closing and tag.is_free]
            spoken = [tag.end for tag in tags[at:] if tag.is_closing]
            return max(closing or spoken, default=None)
        start, at = tags[last].end, last + 1
    return start


def _last_closing(text: str, tags: Sequence[_Tag], at: int) -> int:
    """Return the index of the tag that ends thoughts: not one that a sentence speaks of."""
    first = at
    while at + 1 < len(tags) and tags[at + 1].is_closing:
        after = text[tags[at].end : tags[at].end + 40]
        if tags[at].is_free and not re.match(r"[ \t]+[a-z]|,", after):
            return at
        at += 1
    return at if tags[at].is_free else first


def _without_later_blocks(text: str, start: int, tags: Sequence[_Tag]) -> str:
    """Remove thoughts behind the beginning: further blocks, and all before a lone closing tag."""
    kept: list[str] = []
    position, opened = start, None
    may_lack_opening = start == 0
    for tag in tags:
        if opened is None and tag.is_closing:
            if may_lack_opening and _ends_thoughts(text, tag):
                kept, position = [], tag.end
        elif opened is None:
            opened = tag if _begins_thoughts(text, tag) else None
            may_lack_opening = may_lack_opening and opened is not None
        elif tag.is_closing:
            if _at_line_start(text, opened) or _at_line_end(text, tag):
                kept.append(text[position : opened.start])
                position = tag.end
            opened = None
    if opened is not None and _at_line_start(text, opened) and _at_line_end(text, opened):
        return "".join([*kept, text[position : opened.start]])
    return "".join([*kept, text[position:]])


def _line_before(text: str, tag: _Tag) -> str:
    return text[text.rfind("\n", 0, tag.start) + 1 : tag.start][-200:]


def _at_line_start(text: str, tag: _Tag) -> bool:
    return not _line_before(text, tag).strip()


def _at_line_end(text: str, tag: _Tag) -> bool:
    return not text[tag.end : tag.end + 200].split("\n", 1)[0].strip()


def _begins_thoughts(text: str, tag: _Tag) -> bool:
    before = text[max(tag.start - 200, 0) : tag.start].rstrip()
    if before.endswith((":", "\uff1a")) or re.search(r"<(?:input|output|task)>[^<]*\Z", before):
        return False
    return _at_line_start(text, tag) or before.endswith(tuple(_SENTENCE_END))


_IN_LIST = re.compile(r"\s*(?:\d{1,3}[.):\u3001]|[-*\u2022])\s*\S")


def _ends_thoughts(text: str, tag: _Tag) -> bool:
    """Return True when a closing tag without an opening one ends thoughts.

    ``Explain </think> to me`` speaks of it; a template puts it after a sentence or at the edge of
    a line.
    """
    after = text[tag.end : tag.end + 80]
    line = _line_before(text, tag)
    if not line.strip():
        return True
    if line.rstrip().endswith(tuple(_SENTENCE_END + ",;")):
        return not after or after[0] not in ",;.!?:"
    if _at_line_end(text, tag):
        return not _IN_LIST.match(line) and bool(after.strip())
    is_glued = not line[-1].isspace() and line[-1].isascii()
    return is_glued or not (after.lstrip()[:1].islower() or after[:1] in ",;.!?:")


_CHANNEL = re.compile(
    r"(?:<\|start\|>\s*assistant\s*)?(?:<\|channel\|>)\s*(?P<name>\w{1,20})[^<\n]{0,80}"
    r"(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>"
)
_FIRST_CHANNEL = re.compile(
    r"\s*(?:<\|start\|>\s*)?(?:assistant\s*)?(?:<\|channel\|>\s*)?"
    r"(?P<name>analysis|commentary|final)[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>"
)
_FINAL = re.compile(r"<\|start\|>\s*assistant\s*<\|channel\|>\s*final[^<\n]{0,80}"
                    r"(?:<\|constrain\|>[^<\n]{0,40})?<\|message\|>")  # fmt: skip
_CHANNEL_END = re.compile(r"<\|(?:end|return|start|channel|call)\|>")
_SOLAR_ANSWER = re.compile(r"<\|begin\|>\s*assistant\s*<\|content\|>")
# Without tokens the words run into each other: "analysisWe need ...assistantfinalYes".
_BARE = re.compile(
    r"\s*(?:assistant)?(?P<name>analysis|commentary)(?=[A-Z\"'\u2018\u201c(*\[\d]|\n)"
)
_BARE_FINAL = re.compile(r"assistant\s?(?:commentary|analysis)?\s?final(?!ly|ist|iz|is)")
_BARE_ANSWER = re.compile(r"\s*(?:assistant)?final(?=[A-Z\d{\[<*#\"-])")


def _final_channel(text: str) -> str:
    """Return the final channel of a reply in harmony format, and other text as it is."""
    solar = list(_SOLAR_ANSWER.finditer(text)) if "<|content|>" in text else []
    if solar:
        return _to_channel_end(text, solar[-1].end())
    if "<|message|>" not in text:
        return _after_bare_channel(text)
    final = list(_FINAL.finditer(text))
    if final:
        return _to_channel_end(text, final[-1].end())
    first = _FIRST_CHANNEL.match(text)
    if first is None:
        return text
    bodies = [(first.group("name"), first.end())]
    bodies += [(m.group("name"), m.end()) for m in _CHANNEL.finditer(text, first.end())]
    answers = [end for name, end in bodies if name == "final"]
    return _to_channel_end(text, answers[-1]) if answers else ""


def _after_bare_channel(text: str) -> str:
    """Return the final channel of a reply whose tokens are hidden, and other text as it is."""
    bare = _BARE.match(text)
    if bare is None:
        answer = _BARE_ANSWER.match(text)
        return text[answer.end() :] if answer else text
    finals = list(_BARE_FINAL.finditer(text, bare.end()))
    if finals:
        return text[finals[-1].end() :]
    return text if text[bare.end()] == "\n" else ""


def _to_channel_end(text: str, start: int) -> str:
    end = _CHANNEL_END.search(text, start)
    return text[start : end.start()] if end else text[start:]
