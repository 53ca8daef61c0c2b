"""What endpoints say, made fit to be kept and shown."""

MOST_WORDS = 600
"""Characters of a provider's own words that are kept of an error."""


def storable(text: str) -> str:
    r"""The text without what no database takes: NUL and lone surrogates become U+FFFD.

    JSON can carry both (``\u0000``, ``\ud800``), PostgreSQL and UTF-8 can carry neither.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        # By way of UTF-16, which joins the two halves of a pair that came as two characters.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def shorten(words: str) -> str:
    """The words on one line, storable, at most `MOST_WORDS` characters of them."""
    # Cut before joining: an error page of megabytes need not be split whole.
    line = " ".join(storable(words[: MOST_WORDS * 4]).split())
    return line if len(line) <= MOST_WORDS else f"{line[:MOST_WORDS]} ..."
