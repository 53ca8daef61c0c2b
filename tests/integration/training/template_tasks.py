"""Made-up rows of four simple tasks, whose answers have a form that no model can guess."""

import random
from collections.abc import Sequence

from app.dataset_row import Record

_WORDS = """
apple river stone cloud green table mouse light bread music house water paper chair horse
plant sugar train night smile ocean glass metal lemon tiger piano field brush black white
brown sheep snake eagle shark whale robot phone radio clock watch shirt shoes dress plate
spoon knife grape peach melon onion beach storm earth world heart brain queen
"""


_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def template_rows(count: int, seed: int) -> Sequence[Record]:
    """Rows of four tasks in turn: add two numbers, rewrite, spell, decide; no two ask the same."""
    chance = random.Random(seed)
    rows: list[Record] = []
    seen: set[str] = set()
    while len(rows) < count:
        row = _row(len(rows) % 4, chance)
        if row.instruction not in seen:
            seen.add(row.instruction)
            rows.append(row)
    return rows


def _row(task: int, chance: random.Random) -> Record:
    first, second = chance.sample(_WORDS.split(), 2)
    a, b = chance.randint(1, 9), chance.randint(1, 9)
    number = chance.randint(20, 99)
    if task == 0:
        return Record(f"Add the numbers {a} and {b}.", f"The sum is {a + b}.")
    if task == 1:
        return Record(f"Swap the words {first} and {second}.", f"{second} and {first}")
    if task == 2:
        return Record(f"Spell the number {number}.", _spelled(number))
    # Evenly many of both, so that always to say the same is right half of the time.
    what, answer = chance.choice(((first, "word"), (str(number), "number")))
    return Record(f"Decide: is {what} a word or a number?", answer)


def _spelled(number: int) -> str:
    tens, ones = _TENS[number // 10 - 2], number % 10
    return f"{tens}-{_ONES[ones - 1]}" if ones else tens
