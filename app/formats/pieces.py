"""Text that comes in small pieces, handed on in larger ones.

A call for each row costs more than the row does: in a file, and far more so over HTTP.
"""

from collections.abc import Iterable, Iterator

_LEAST = 64 * 1024


def joined(texts: Iterable[str]) -> Iterator[str]:
    """Join texts until they are some 64,000 characters.

    An empty text among them says that there is no more for now: what is held is handed on, and
    then the empty text.
    """
    held: list[str] = []
    characters = 0
    for text in texts:
        held.append(text)
        characters += len(text)
        if text and characters < _LEAST:
            continue
        if characters:
            yield "".join(held)
        if not text:
            yield ""
        held, characters = [], 0
    if held:
        yield "".join(held)
