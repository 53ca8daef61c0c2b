"""Each screening rule by profile, and how words are counted."""

import string

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


def by_profile(text: str) -> dict[str, str | None]:
    return {name: broken(name, text) for name in EVERY}


def in_every(reason: str | None) -> dict[str, str | None]:
    return dict.fromkeys(EVERY, reason)


def not_in_default(reason: str) -> dict[str, str | None]:
    return {"default": None, "paper": reason, "alpaca": reason}


def wrongly_screened(
    expected: dict[str, dict[str, str | None]],
) -> dict[str, dict[str, str | None]]:
    """Return the texts whose reasons by profile are not the expected ones, with what they are."""
    found = {text: by_profile(text) for text in expected}
    return {text: reasons for text, reasons in found.items() if reasons != expected[text]}


def test_an_instruction_has_four_to_a_hundred_and_fifty_words() -> None:
    reasons = {
        "": "empty", words(1): "too_short", words(3): "too_short", words(4): None,
        words(150): None, words(151): "too_long",
    }  # fmt: skip
    assert wrongly_screened({text: in_every(reason) for text, reason in reasons.items()}) == {}


def test_the_blacklists_are_those_of_the_originals() -> None:
    assert PAPER_BLACKLIST == THIRTEEN
    assert ALPACA_BLACKLIST == THIRTEEN + FIVE_MORE


def test_thirteen_words_reject_in_any_case_and_place() -> None:
    places = ("{} of it all now", "Say what the {}, is here", "Say it in a {}")
    texts = [
        place.format(case(word))
        for word in THIRTEEN
        for case in (str.lower, str.upper, str.title)
        for place in places
    ]
    assert wrongly_screened({text: in_every("blacklisted_word") for text in texts}) == {}


def test_five_more_words_reject_but_not_in_the_paper() -> None:
    texts = [
        f"Say what the {case(word)} is" for word in FIVE_MORE for case in (str.lower, str.upper)
    ]
    expected = in_every("blacklisted_word") | {"paper": None}
    assert wrongly_screened(dict.fromkeys(texts, expected)) == {}


def test_a_listed_word_inside_another_word_rejects_nothing() -> None:
    others = (
        "mapping", "filed", "profile", "imagery", "graphic", "paragraph", "drawn", "withdraw",
        "plots", "exploit", "go too", "ago to", "go  to", "videos", "musical", "map_of",
    )  # fmt: skip
    assert wrongly_screened({f"Say what the {word} is": in_every(None) for word in others}) == {}


def test_a_listed_word_beside_punctuation_is_a_whole_word() -> None:
    texts = [
        f"Say what the {word} is"
        for word in ("map-like", "file's", "(graph)", "draw/write", "image.")
    ]
    assert wrongly_screened(dict.fromkeys(texts, in_every("blacklisted_word"))) == {}


def test_write_a_program_at_the_start_rejects_but_not_in_the_default() -> None:
    texts = ("Write a program that counts", "Write a programme of talks")
    assert wrongly_screened(dict.fromkeys(texts, not_in_default("asks_for_a_program"))) == {}


def test_write_a_program_elsewhere_or_otherwise_passes() -> None:
    texts = (
        "write a program that counts", "Now write a program. Write a program", "Write a Program it",
    )  # fmt: skip
    assert wrongly_screened(dict.fromkeys(texts, in_every(None))) == {}


def test_any_punctuation_at_the_start_rejects_and_in_the_default_all_but_opening_ones() -> None:
    expected = {
        f"{mark}Say what it is.": not_in_default("starts_with_punctuation")
        if mark in "\"'([{<`"
        else in_every("starts_with_punctuation")
        for mark in string.punctuation
    }
    assert len(expected) == 32
    assert wrongly_screened(expected) == {}


def test_a_first_character_that_is_not_ascii_rejects_but_not_in_the_default() -> None:
    texts = ("Él dice que es así", "“Say” what it is", "\u00a1Di lo que es!")
    assert wrongly_screened(dict.fromkeys(texts, not_in_default("starts_with_non_ascii"))) == {}


def test_other_characters_are_welcome_after_the_first() -> None:
    texts = ("Say é ü ñ 中 now", "7 times 8 makes what", "Say: what it is.")
    assert wrongly_screened(dict.fromkeys(texts, in_every(None))) == {}


def test_other_scripts_pass_in_the_default_alone() -> None:
    texts = {
        "chinese": "写一首关于春天的短诗。",
        "japanese": "春について短い詩を書いてください。",
        "thai": "เขียนบทกวีสั้นเกี่ยวกับฤดูใบไม้ผลิ",
        "arabic": "اكتب قصيدة قصيرة عن الربيع",
        "hindi": "वसंत पर एक छोटी कविता लिखो",
        "korean": "봄에 관한 짧은 시를 쓰세요",
    }
    assert [name for name, text in texts.items() if broken("default", text)] == []
    assert [name for name, text in texts.items() if not broken("paper", text)] == []


def test_a_short_instruction_is_too_short_in_a_script_without_spaces_too() -> None:
    found = {text: broken("default", text) for text in ("写诗", "写一首诗", "写 诗")}
    assert set(found.values()) == {"too_short"}, found


def test_three_hundred_characters_are_a_hundred_and_fifty_words_without_spaces() -> None:
    assert broken("default", "写" * 300) is None
    assert broken("default", "写" * 301) == "too_long"


def test_words_are_counted_as_white_space_separates_them() -> None:
    counts = {
        "": 0, " \n\t ": 0, "one": 1, "one  two\nthree\u00a0four": 4, "写诗": 1, "写一首": 1.5,
        "用Python写诗": 2.5, "use 写诗 here": 3, "10:30 it's well-known": 3,
    }  # fmt: skip
    assert {text: count_words(text) for text in counts} == counts


def test_the_first_rule_in_order_names_the_reason() -> None:
    assert broken("paper", "!map") == "too_short"
    assert broken("paper", "!draw the map now") == "blacklisted_word"


def test_every_reason_a_profile_gives_is_given_by_one_rule() -> None:
    for profile in EVERY:
        given = [rule.reason for rule in profile_of(profile).rules]
        assert len(given) == len(set(given)), profile
        assert set(given) <= {rule.reason for rule in PROFILES["paper"].rules}, profile
