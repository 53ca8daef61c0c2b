"""Cleaning of ShareGPT conversations as Vicuna's authors did, with a reason for each drop.

Their pages were saved from a browser, so turns are HTML with the page's buttons in them. Here:

| reason | what is dropped |
|---|---|
| ``opening_turn`` | a turn before the human's first; the rest is kept |
| ``repeated_turn`` | a turn that says what the same side just said; the rest is kept |
| ``unanswered_turn`` | the human's last turn, if nothing answers it; the rest is kept |
| ``empty_turn`` | the conversation: one of its turns is empty once cleaned |
| ``unreadable_html`` | the conversation: a turn's HTML cannot be parsed |
| ``wrong_order`` | the conversation: the two sides do not take turns |
| ``no_answer`` | the conversation: no round is left |
| ``repeated_conversation`` | the conversation: an earlier one was the same |
| ``round_too_long`` | a round that alone is over the limit; what is before and after is kept |

A conversation over the limit is split between rounds. The original loses the last round when it is
the one that goes over, and makes an empty conversation when the first is; here no round is lost
but those that are too long alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from app.dataset_row import Record
from app.formats.broken_rows import BrokenRow
from app.formats.chat.turns import Turn, record_of_turns
from app.formats.options import VicunaOptions

# Layout only; left in, they would break the indentation and the underscores of code.
_LAYOUT = re.compile(r"</?(?:div|span)\b[^<>]*>", re.IGNORECASE)
# A closing tag that pages are made of: text may well say ``vector<int>`` and be no HTML.
_LOOKS_LIKE_HTML = re.compile(
    r"<br ?/?>|</(?:p|div|span|pre|code|[uo]l|li|table|t[rdh]|strong|b|em|i|a|h[1-6]|blockquote)>",
    re.IGNORECASE,
)
# What the page's buttons say: of a reply that was asked again, and of code.
_PAGER = re.compile(r"\A\s*\d+ / \d+\s*")
_COPY_COUNT = re.compile(r"Copy\d+ chars / \d+ words")
_COPY_EMPTY = re.compile(r"```(?:[^`\n]*+\n)?[^`\n]*?Copy code\s*+```")
_COPY_CODE = re.compile(r"```\s*([\w+#.-]*?)(?:Copy code)+")
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Dropped:
    """A part left out of a conversation, with the reason."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The rest of a conversation: parts that are conversations of whole rounds."""

    parts: tuple[tuple[Turn, ...], ...]
    dropped: tuple[Dropped, ...]


class Cleaner:
    """Cleans conversations one by one, and detects repeated ones.

    It keeps 16 bytes of each conversation that it has seen, which is all that grows.
    """

    def __init__(self, options: VicunaOptions) -> None:
        self._options = options
        self._seen: set[bytes] = set()

    def records(self, turns: Sequence[Turn]) -> Iterator[Record | BrokenRow]:
        """Make a record of each part, and tell of each thing that was dropped."""
        cleaned = clean(turns, self._options)
        if cleaned.parts and self._is_repeated(cleaned.parts):
            yield BrokenRow("repeated_conversation", "an earlier conversation is the same")
            return
        yield from (record_of_turns(part) for part in cleaned.parts)
        yield from (BrokenRow(one.reason, one.detail) for one in cleaned.dropped)

    def _is_repeated(self, parts: tuple[tuple[Turn, ...], ...]) -> bool:
        digest = blake2b(digest_size=16)
        for turn in (turn for part in parts for turn in part):
            # The length keeps two turns from being taken for one.
            text = turn.text.encode()
            digest.update(f"{turn.speaker}:{len(text)}:".encode() + text)
        known = digest.digest() in self._seen
        self._seen.add(digest.digest())
        return known


def clean(turns: Sequence[Turn], options: VicunaOptions) -> Cleaned:
    """Clean one conversation; whatever is dropped is named."""
    system = list(turns[:1]) if turns and turns[0].speaker == "system" else []
    spoken, dropped = _trimmed(turns, len(system))
    try:
        spoken = [_cleaned(turn) for turn in spoken] if options.html else spoken
        _check(spoken)
    except BrokenRow as broken:
        return Cleaned((), (*dropped, Dropped(broken.reason, broken.detail)))
    parts, too_long = _split(spoken, system, options)
    return Cleaned(tuple(parts), (*dropped, *too_long))


def _trimmed(turns: Sequence[Turn], skipped: int) -> tuple[list[Turn], list[Dropped]]:
    """Drop turns before the human's first, turns said twice, and a last one without an answer."""
    kept: list[Turn] = []
    dropped: list[Dropped] = []
    for number, turn in enumerate(turns[skipped:], start=skipped + 1):
        if not kept and turn.speaker != "user":
            dropped.append(Dropped("opening_turn", f"turn {number} is the {turn.speaker}'s"))
        elif kept and turn == kept[-1]:
            dropped.append(Dropped("repeated_turn", f"turn {number} says the same as the last"))
        else:
            kept.append(turn)
    if kept and kept[-1].speaker == "user":
        kept.pop()
        dropped.append(Dropped("unanswered_turn", "nothing answers the last turn"))
    return kept, dropped


def _cleaned(turn: Turn) -> Turn:
    return Turn(turn.speaker, html_to_markdown(turn.text))


def html_to_markdown(text: str) -> str:
    """Convert a turn's HTML to Markdown, and remove the texts of the page's buttons.

    Text without tags stays as it is, Markdown in it included.

    Raises:
        BrokenRow: unreadable_html.
    """
    if _LOOKS_LIKE_HTML.search(text):
        # A third of a second to import, for those who clean HTML only.
        from bs4 import ParserRejectedMarkup  # noqa: PLC0415
        from markdownify import markdownify  # noqa: PLC0415

        try:
            text = markdownify(
                _LAYOUT.sub("", text),
                heading_style="atx",
                # A model should learn snake_case, not how Markdown escapes it.
                escape_asterisks=False,
                escape_underscores=False,
            )
        except (ParserRejectedMarkup, AssertionError, RecursionError) as error:
            raise BrokenRow("unreadable_html", str(error)[:200] or "nested too deep") from None
    text = _COPY_COUNT.sub("", _PAGER.sub("", text))
    text = _COPY_CODE.sub(r"```\1\n", _COPY_EMPTY.sub("", text))
    return _BLANK_LINES.sub("\n\n", text).strip()


def _check(spoken: Sequence[Turn]) -> None:
    for number, turn in enumerate(spoken):
        due = "assistant" if number % 2 else "user"
        if turn.speaker != due:
            raise BrokenRow("wrong_order", f"where the {due} is due the {turn.speaker} speaks")
        if not turn.text.strip():
            raise BrokenRow("empty_turn", f"a turn of the {turn.speaker} is empty")
    if not spoken:
        raise BrokenRow("no_answer", "no round is left")


def _split(
    spoken: Sequence[Turn], system: list[Turn], options: VicunaOptions
) -> tuple[list[tuple[Turn, ...]], list[Dropped]]:
    """Split between rounds, each part as long as it may be; the system's turn goes with each."""
    if options.most_characters is None:
        return [(*system, *spoken)], []
    parts: list[list[Turn]] = []
    dropped: list[Dropped] = []
    overhead = sum(options.count(turn.text) for turn in system)
    length = options.most_characters + 1
    for number, first in enumerate(range(0, len(spoken), 2), start=1):
        together = list(spoken[first : first + 2])
        size = sum(options.count(turn.text) for turn in together)
        if overhead + size > options.most_characters:
            dropped.append(Dropped("round_too_long", f"round {number} is {overhead + size:,} long"))
            # What follows must not stand beside what it does not answer to.
            length = options.most_characters + 1
        elif length + size > options.most_characters:
            parts.append([*system, *together])
            length = overhead + size
        else:
            parts[-1] += together
            length += size
    return [tuple(part) for part in parts], dropped
