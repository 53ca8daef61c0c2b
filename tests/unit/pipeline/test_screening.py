"""Each screening rule by profile, and how words are counted."""

import string

import pytest

from app.pipeline.profiles import PROFILES
from app.pipeline.screening import (
    ALPACA_BLACKLIST,
    PAPER_BLACKLIST,
    count_words,
    first_broken,
)
from tests.unit.pipeline.making import profile_of

EVERY = ("default", "paper", "alpaca")
THIRTEEN = (
    "image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps",
    "draw", "plot", "go to",
)  # fmt: skip
FIVE_MORE = ("video", "audio", "music", "flowchart", "diagram")


def broken(profile: str, text: str) -> str | None:
    return first_broken(profile_of(profile).rules, text)


def words(count: int) -> str:
    return " ".join(["Say"] * count)


@pytest.mark.parametrize("profile", EVERY)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (words(1), "too_short"),
        (words(3), "too_short"),
        (words(4), None),
        (words(150), None),
        (words(151), "too_long"),
    ],
    ids=["none", "one", "three", "four", "hundred-fifty", "hundred-fifty-one"],
)
def test_an_instruction_has_four_to_a_hundred_and_fifty_words(
    profile: str, text: str, reason: str | None
) -> None:
    assert broken(profile, text) == reason


def test_the_blacklists_are_those_of_the_originals() -> None:
    assert PAPER_BLACKLIST == THIRTEEN
    assert ALPACA_BLACKLIST == THIRTEEN + FIVE_MORE


@pytest.mark.parametrize("profile", EVERY)
@pytest.mark.parametrize("word", THIRTEEN)
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
@pytest.mark.parametrize(
    "place", ["{} of it all now", "Say what the {}, is here", "Say it in a {}"]
)
def test_thirteen_words_reject_in_any_case_and_place(
    profile: str, word: str, case: type[str], place: str
) -> None:
    assert broken(profile, place.format(case(word))) == "blacklisted_word"


@pytest.mark.parametrize("word", FIVE_MORE)
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_five_more_words_reject_but_not_in_the_paper(word: str, case: type[str]) -> None:
    text = f"Say what the {case(word)} is"

    assert {name: broken(name, text) for name in EVERY} == {
        "paper": None,
        "alpaca": "blacklisted_word",
        "default": "blacklisted_word",
    }


@pytest.mark.parametrize("profile", EVERY)
@pytest.mark.parametrize(
    "word",
    ["mapping", "filed", "profile", "imagery", "graphic", "paragraph", "drawn", "withdraw",
     "plots", "exploit", "go too", "ago to", "go  to", "videos", "musical", "map_of"],
)  # fmt: skip
def test_a_listed_word_inside_another_word_rejects_nothing(profile: str, word: str) -> None:
    assert broken(profile, f"Say what the {word} is") is None


@pytest.mark.parametrize("word", ["map-like", "file's", "(graph)", "draw/write", "image."])
def test_a_listed_word_beside_punctuation_is_a_whole_word(word: str) -> None:
    assert broken("paper", f"Say what the {word} is") == "blacklisted_word"


@pytest.mark.parametrize("start", ["Write a program that counts", "Write a programme of talks"])
def test_write_a_program_at_the_start_rejects_but_not_in_the_default(start: str) -> None:
    assert {name: broken(name, start) for name in EVERY} == {
        "paper": "asks_for_a_program",
        "alpaca": "asks_for_a_program",
        "default": None,
    }


@pytest.mark.parametrize("profile", EVERY)
@pytest.mark.parametrize(
    "text",
    ["write a program that counts", "Now write a program. Write a program", "Write a Program it"],
)
def test_write_a_program_elsewhere_or_otherwise_passes(profile: str, text: str) -> None:
    assert broken(profile, text) is None


@pytest.mark.parametrize("profile", ["paper", "alpaca"])
@pytest.mark.parametrize("mark", string.punctuation)
def test_any_punctuation_at_the_start_rejects(profile: str, mark: str) -> None:
    assert broken(profile, f"{mark}Say what it is.") == "starts_with_punctuation"


@pytest.mark.parametrize("mark", string.punctuation)
def test_in_the_default_opening_quotes_and_brackets_may_start(mark: str) -> None:
    expected = None if mark in "\"'([{<`" else "starts_with_punctuation"

    assert broken("default", f"{mark}Say what it is.") == expected


@pytest.mark.parametrize("text", ["Él dice que es así", "“Say” what it is", "\u00a1Di lo que es!"])
def test_a_first_character_that_is_not_ascii_rejects_but_not_in_the_default(text: str) -> None:
    assert {name: broken(name, text) for name in EVERY} == {
        "paper": "starts_with_non_ascii",
        "alpaca": "starts_with_non_ascii",
        "default": None,
    }


@pytest.mark.parametrize("profile", EVERY)
@pytest.mark.parametrize("text", ["Say é ü ñ 中 now", "7 times 8 makes what", "Say: what it is."])
def test_other_characters_are_welcome_after_the_first(profile: str, text: str) -> None:
    assert broken(profile, text) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("写一首关于春天的短诗。", id="chinese"),
        pytest.param("春について短い詩を書いてください。", id="japanese"),
        pytest.param("เขียนบทกวีสั้นเกี่ยวกับฤดูใบไม้ผลิ", id="thai"),
        pytest.param("اكتب قصيدة قصيرة عن الربيع", id="arabic"),
        pytest.param("वसंत पर एक छोटी कविता लिखो", id="hindi"),
        pytest.param("봄에 관한 짧은 시를 쓰세요", id="korean"),
    ],
)
def test_other_scripts_pass_in_the_default_alone(text: str) -> None:
    assert broken("default", text) is None
    assert broken("paper", text) is not None


@pytest.mark.parametrize("text", ["写诗", "写一首诗", "写 诗"])
def test_a_short_instruction_is_too_short_in_a_script_without_spaces_too(text: str) -> None:
    assert broken("default", text) == "too_short"


def test_three_hundred_characters_are_a_hundred_and_fifty_words_without_spaces() -> None:
    assert broken("default", "写" * 300) is None
    assert broken("default", "写" * 301) == "too_long"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("one", 1),
        ("one  two\nthree\u00a0four", 4),
        ("写诗", 1),
        ("写一首", 1.5),
        ("用Python写诗", 2.5),
        ("use 写诗 here", 3),
        ("10:30 it's well-known", 3),
    ],
)
def test_words_are_counted_as_white_space_parts_them(text: str, count: float) -> None:
    assert count_words(text) == count


def test_the_first_rule_in_order_names_the_reason() -> None:
    assert broken("paper", "!map") == "too_short"
    assert broken("paper", "!draw the map now") == "blacklisted_word"


@pytest.mark.parametrize("profile", EVERY)
def test_every_reason_a_profile_gives_is_given_by_one_rule(profile: str) -> None:
    given = [rule.reason for rule in profile_of(profile).rules]

    assert len(given) == len(set(given))
    assert set(given) <= {rule.reason for rule in PROFILES["paper"].rules}
