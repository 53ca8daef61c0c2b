"""Word lists of the rules that find verbs and nouns without a parser."""

from functools import cache
from importlib.resources import files


def words_of(section: str) -> frozenset[str]:
    """Return the words of a section of ``english.txt``.

    Raises:
        KeyError: There is no such section.
    """
    return _sections()[section]


@cache
def _sections() -> dict[str, frozenset[str]]:
    text = files("app.statistics.words").joinpath("english.txt").read_text("ascii")
    parts = [part.partition("]") for part in text.split("\n[")[1:]]
    # The rest of a section's first line says what it is for.
    return {name: frozenset(rest.partition("\n")[2].split()) for name, _, rest in parts}
