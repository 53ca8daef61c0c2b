"""Lists in HTML or LaTeX, rewritten as plain lists: one marker at the start of each line.

Only what the reply itself is written in is rewritten. HTML or LaTeX below an item of another list
is material of that item, and stays as it is.
"""

import re
from html.parser import HTMLParser

from app.pipeline.default.lists.markers import read_line

_HTML_LIST = re.compile(
    r"^[ \t>]{0,20}<(?:!doctype\b|html|body|main|section|article|div|ol|ul|li|p|table|tr|h[1-6])"
    r"(?:\s[^<>\n]{0,200})?>",
    re.I | re.M,
)
_HTML_ITEM = re.compile(r"<(?:li|p|tr|div)\b", re.I)
_LATEX_LIST = re.compile(
    r"^[ \t]{0,20}(?:\\documentclass\b|\\section\*?\{|\\begin\{[a-z]{4,12}\*?\}|\\item\b)", re.M
)
_LATEX_ITEM = re.compile(r"\\item\b")
_LATEX_PART = re.compile(
    r"\\(?P<edge>begin|end)\{(?:enumerate|itemize|description|document)\*?\}"
    r"(?:\[[^\[\]\n]{0,80}\])?[ \t]*"
    r"|\\item\b[ \t]*(?:\[(?P<label>[^\[\]\n]{0,40})\])?[ \t]*"
    r"|^[ \t]*\\(?:documentclass|usepackage|maketitle|title|author|date|noindent|(?:sub)*section"
    r"|setlength|setcounter|renewcommand|vspace)\b[^\n]*",
    re.M,
)
_LATEX_EMPHASIS = re.compile(r"\\(?P<name>textbf|textit|emph|underline|texttt)\{(?P<text>[^{}]*)\}")
_LATEX_ESCAPED = re.compile(r"\\([%&#_$])")
_MOST_CHARACTERS = 100_000
_ASIDE = frozenset(["head", "style", "script", "title"])
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_BLOCKS = _HEADINGS | {
    "p", "div", "section", "article", "main", "body", "html", "header", "footer", "ol", "ul", "li",
    "table", "thead", "tbody", "tr", "td", "th", "br", "hr",
}  # fmt: skip
_EMPHASIS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "span": "", "u": ""}
_SENTENCE_ENDS = tuple('.!?:*`"\u3002\uff01\uff1f\uff1a\u201d\u0964')


def without_markup(text: str) -> str:
    """Return a list in HTML or LaTeX as a plain list, and other text as it is."""
    if len(text) > _MOST_CHARACTERS:
        return text
    html = _HTML_LIST.search(text) if _HTML_ITEM.search(text) else None
    if html is not None and not _has_item(text[: html.start()]):
        return _without_html(text, html.start())
    latex = _LATEX_LIST.search(text) if _LATEX_ITEM.search(text) else None
    if latex is not None and not _has_item(text[: latex.start()]):
        return text[: latex.start()] + _without_latex(text[latex.start() :])
    return text


def _has_item(before: str) -> bool:
    """Return True when an item of another list precedes: what follows may be its material."""
    return any(read_line(line).marker for line in before.splitlines() if line.strip())


def _without_html(text: str, start: int) -> str:
    end = text.rfind(">") + 1
    reader = _Html()
    reader.feed(text[start:end])
    reader.close()
    return f"{text[:start]}{reader.plain()}\n\n{text[end:]}"


class _Html(HTMLParser):
    """Reader of HTML as a plain list; a tag that a task speaks of stays in its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._lists: list[int | None] = []
        """Number of items so far in each open list; None for bullets."""
        self._open: list[str] = []
        self._asides = 0
        """Number of open tags whose text is not shown."""
        self._is_at_break = True
        """True where a block may begin: at an edge of a line, a block or a sentence."""

    def plain(self) -> str:
        """Return the text so far."""
        text = re.sub(r"[ \t]+\n", "\n", "".join(self._parts)).strip("\n")
        return re.sub(r"\n{2,}(?!#)", "\n", text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an item, a line or emphasis."""
        del attrs
        if self._asides or tag in _ASIDE:
            self._open.append(tag)
            self._asides += tag in _ASIDE
        elif tag in _EMPHASIS:
            self._open.append(tag)
            self._parts.append(_EMPHASIS[tag])
        elif tag not in _BLOCKS or not (self._is_at_break or tag in {"br", "td", "th"}):
            self._parts.append(self.get_starttag_text() or "")
        else:
            self._begin(tag)

    def _begin(self, tag: str) -> None:
        has_begun = re.search(r"(?:-|\d\.)[ ]\Z", self._last()) is not None
        self._is_at_break = True
        if tag in {"br", "hr"}:
            self._parts.append(f"\n{'   ' * len(self._lists)}")
            return
        self._open.append(tag)
        if tag in {"ol", "ul"}:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._begin_item()
        elif tag == "tr":
            self._parts.append("\n| ")
        elif tag in _HEADINGS:
            self._parts.append(f"\n\n{'#' * int(tag[1])} ")
        elif tag in {"p", "div"} and not has_begun:
            self._parts.append(f"\n{'   ' * len(self._lists)}")

    def _begin_item(self) -> None:
        indent = "   " * (len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._parts.append(f"\n{indent}- ")
            return
        self._lists[-1] = number + 1
        self._parts.append(f"\n{indent}{number + 1}. ")

    def handle_endtag(self, tag: str) -> None:
        """End an item, a line or emphasis."""
        if tag not in self._open:
            if not self._asides and tag not in _BLOCKS:
                self._parts.append(f"</{tag}>")
            return
        was_aside = self._asides > 0
        closed = ""
        while closed != tag:
            closed = self._open.pop()
            self._asides -= closed in _ASIDE
        if was_aside:
            return
        if tag in _EMPHASIS:
            self._parts.append(_EMPHASIS[tag])
            return
        self._is_at_break = True
        if tag in {"ol", "ul"}:
            self._lists.pop()
        self._parts.append(" | " if tag in {"td", "th"} else "\n")

    def handle_data(self, data: str) -> None:
        """Add text; white space in HTML is one blank."""
        if self._asides:
            return
        folded = " ".join(data.split())
        if folded:
            before = " " if data[0].isspace() and not self._last()[-1:].isspace() else ""
            after = " " if data[-1].isspace() else ""
            self._parts.append(f"{before}{folded}{after}")
            ends = folded.endswith(_SENTENCE_ENDS) or "\n" in data[len(data.rstrip()) :]
            self._is_at_break = ends
        elif not self._last()[-1:].isspace():
            self._parts.append(" ")

    def _last(self) -> str:
        return "".join(self._parts[-3:])[-80:]


def _without_latex(text: str) -> str:
    depth = 0

    def plain(part: re.Match[str]) -> str:
        nonlocal depth
        edge = part.group("edge")
        if edge is not None:
            depth += 1 if edge == "begin" and "{document}" not in part.group() else 0
            depth -= 1 if edge == "end" and "{document}" not in part.group() else 0
            return ""
        if not part.group().lstrip().startswith("\\item"):
            return ""
        return "\n" + "   " * max(depth - 1, 0) + "- "

    text = re.sub(r"\n[ \t]*(?=\\(?:item|begin|end)\b)", "\n", text)
    text = _LATEX_PART.sub(plain, text)
    for _ in range(2):
        text = _LATEX_EMPHASIS.sub(_emphasis, text)
    return re.sub(r"\n- \s*\n+[ \t]*(?=\S)", "\n- ", _LATEX_ESCAPED.sub(r"\1", text))


def _emphasis(found: re.Match[str]) -> str:
    mark = {"textbf": "**", "textit": "*", "emph": "*", "texttt": "`"}.get(found.group("name"), "")
    return f"{mark}{found.group('text')}{mark}"
