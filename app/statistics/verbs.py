"""Root verb and direct object of an instruction, by a real parser where one is installed.

The parser is spaCy with an English model (the extra ``parser``); it looks at the same words as
Self-Instruct does: from the root of the first sentence along first children to a verb, and that
verb's direct object if it is a common noun. Without it, `rules` does what rules can.
"""

import importlib
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, Self

from app.errors import ConfigurationError
from app.statistics.rules import RuleFinder, VerbNoun

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Token

_READ_CHARACTERS = 600


class VerbFinder(Protocol):
    """Finds the root verb and its direct object in instructions."""

    @property
    def name(self) -> str:
        """Name and version, recorded in the statistics."""
        ...

    @property
    def is_slow(self) -> bool:
        """True when it is so slow that only a sample of a large data set should be read."""
        ...

    def find(self, texts: Sequence[str]) -> Iterable[VerbNoun | None]:
        """Return the verb and noun of each text, in order; None: no verb was found."""
        ...


class SpacyFinder:
    """Uses spaCy's parser: about 500 to 1,000 instructions per second on one core."""

    is_slow = True

    def __init__(self, language: "Language", name: str) -> None:
        self.name = name
        self._language = language

    @classmethod
    def load(cls, model: str) -> Self:
        """Load an installed model.

        Raises:
            ConfigurationError: spaCy or the model is not installed.
        """
        spacy = _spacy()
        if spacy is None or not spacy.util.is_package(model):
            raise ConfigurationError(
                f"The parser model {model!r} is not installed: install the extra 'parser' and "
                "the model, or name none to find verbs by rules."
            )
        language = spacy.load(model, exclude=["ner"])
        return cls(language, f"spacy:{model} {language.meta['version']}")

    def find(self, texts: Sequence[str]) -> Iterable[VerbNoun | None]:
        """Parse the texts, each up to its first 600 characters."""
        read = (" ".join(text[:_READ_CHARACTERS].split()) for text in texts)
        return [root_verb_and_object(doc) for doc in self._language.pipe(read, batch_size=128)]


def root_verb_and_object(doc: "Doc") -> VerbNoun | None:
    """Return root verb and object of a parsed text as Self-Instruct counts them; None: no verb."""
    sentence = next(iter(doc.sents), None)
    word: Token | None = sentence.root if sentence is not None else None
    while word is not None and word.pos_ != "VERB":
        word = next(iter(word.children), None)
    if word is None:
        return None
    objects = (child for child in word.children if child.dep_ in {"dobj", "obj"})
    nouns = (child.lemma_.lower() for child in objects if child.pos_ == "NOUN")
    return VerbNoun(word.lemma_.lower(), next(nouns, None))


def finder_of(model: str | None) -> VerbFinder:
    """Return a finder that uses this spaCy model, or rules if it is None.

    Raises:
        ConfigurationError: the model is not installed.
    """
    return RuleFinder() if model is None else SpacyFinder.load(model)


def _spacy() -> ModuleType | None:
    try:
        return importlib.import_module("spacy")
    except ImportError:
        return None
