"""Texts that look like a pool: few words make up most of it, and many texts are near others."""

import gzip
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

_SEEDS = Path(__file__).parents[3] / "seed_tasks" / "seed_tasks.jsonl"

_WORDS: list[str] = re.findall(
    r"\w+",
    """
write a short story about the of in and for to list three ways improve explain why how what is
summarize following paragraph generate an email your boss asking describe steps make cup tea find
difference between two numbers translate this sentence into french classify each animal as mammal
or bird name capital city country given suggest title poem autumn healthy breakfast recipe using
only eggs rewrite so that it sounds polite compare cats dogs calculate area circle radius
    """,
)


@pytest.fixture(scope="session")
def make_pool() -> Callable[[int], list[str]]:
    """Make this many texts; half of them differ from an earlier one in one to three words."""

    def make(size: int) -> list[str]:
        choice = random.Random(size)
        texts: list[list[str]] = []
        while len(texts) < size:
            if texts and choice.random() < 0.5:
                words = list(choice.choice(texts))
                for _ in range(choice.randint(1, 3)):
                    place = choice.randrange(len(words) + 1)
                    words[place : place + choice.randint(0, 2)] = [_word(choice)]
            else:
                words = [_word(choice) for _ in range(choice.randint(3, 18))]
            texts.append(words)
        return [" ".join(words).capitalize() + choice.choice(".?!") for words in texts]

    return make


def _word(choice: random.Random) -> str:
    # The square makes the first words common and the last ones rare.
    return _WORDS[int(choice.random() ** 2 * len(_WORDS))]


@pytest.fixture(scope="session")
def real_pool(make_pool: Callable[[int], list[str]]) -> list[str]:
    """The instructions of SEEDBED_POOL_FILE (JSONL, may be gzipped), or else a made-up pool."""
    named = os.environ.get("SEEDBED_POOL_FILE")
    if not named:
        bundled = _instructions(_SEEDS) if _SEEDS.exists() else []
        return [*bundled, *make_pool(2_000)]
    return _instructions(Path(named))


def _instructions(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["instruction"] for line in lines]
