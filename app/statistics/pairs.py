"""What a finder of verbs and nouns answers."""

from typing import NamedTuple


class VerbNoun(NamedTuple):
    """The root verb of an instruction and its direct object, as dictionaries have them."""

    verb: str
    noun: str | None
    """None: the verb has no noun as its direct object."""
