"""Text from endpoints, made safe to store and to show."""

MAX_CHARACTERS = 600
"""Most characters kept of a provider's error message."""


def storable(text: str) -> str:
    r"""Replace what a database cannot store: NUL and lone surrogates become U+FFFD.

    JSON can carry both (``\u0000``, ``\ud800``), PostgreSQL and UTF-8 can carry neither.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        # Through UTF-16, which joins a surrogate pair that came as two characters.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def shorten(words: str) -> str:
    """Return a message as one storable line of at most `MAX_CHARACTERS` characters."""
    # Cut first: an error page may have megabytes.
    line = " ".join(storable(words[: MAX_CHARACTERS * 4]).split())
    return line if len(line) <= MAX_CHARACTERS else f"{line[:MAX_CHARACTERS]} ..."
