"""Outputs that only repeat the instruction or the input.

An answer may well equal the input where the task is to change it only if need be (correct, sort),
to say it again, or to pick from it; those stay.
"""

from app.curation.filter import Dropped, Filter
from app.curation.filters.wording import mentions
from app.dataset_row import Record
from app.similarity.tokenizers import fold

_MAY_EQUAL = mentions(
    """
    repeat echo copy say return print output quote recite type transcribe verbatim unchanged
    spell* correct* fix proof-read proofread grammar* punctuat* edit error* mistake* check
    necessary needed ensure sort order arrange rank duplicates duplicate capitalise capitalize
    upper-case uppercase lower-case lowercase trim normalise normalize palindrome read aloud
    cite match extract select choose pick find identify classify detect highlight remove delete
    filter names name named maximum minimum largest smallest longest shortest decode translate
    format if
    """
)
_FEWEST_WORDS = 3


def apply(record: Record) -> Record | Dropped:
    """Drop a record whose answer repeats its question."""
    said = record.output.strip()
    if not said:
        return record
    if _is_instruction_again(record, said):
        return _unless_it_may(record, Dropped("echoes_instruction", said))
    # To the letter: case and punctuation may be all that the task is about.
    if said == record.input.strip() and len(said.split()) >= _FEWEST_WORDS:
        return _unless_it_may(record, Dropped("echoes_input", said))
    return record


def _is_instruction_again(record: Record, said: str) -> bool:
    if record.instruction[:1].casefold() != said[:1].casefold():
        return False
    texts = (record.instruction, record.request) if record.input else (record.instruction,)
    # Folding is dear, and equal texts are about equally long.
    near = [text for text in texts if len(text) <= 2 * len(said) + 8 and len(said) <= 2 * len(text)]
    return any(fold(text) == fold(said) for text in near)


def _unless_it_may(record: Record, dropped: Dropped) -> Record | Dropped:
    return record if _MAY_EQUAL.search(record.instruction) else dropped


ECHO = Filter(
    name="echo",
    about="The output only says the instruction or the input again.",
    reasons=("echoes_instruction", "echoes_input"),
    apply=apply,
)
