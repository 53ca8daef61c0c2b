"""Vicuna's cleaning: what is kept, what is dropped and why, and that no round goes missing."""

import io
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dataset_row import Exchange, Record, Unreadable
from app.formats.broken_rows import BrokenRow
from app.formats.chat.roles import Speaker
from app.formats.chat.turns import Turn
from app.formats.chat.vicuna import Cleaned, Cleaner, clean, html_to_markdown
from app.formats.formats import FORMATS
from app.formats.options import ReadOptions, VicunaOptions
from tests.unit.formats.making import unhurried

_SPEAKERS: dict[str, Speaker] = {"s": "system", "u": "user", "a": "assistant"}
PLAIN = VicunaOptions(html=False)


def turns(*said: str) -> list[Turn]:
    """Turns from texts such as ``u:Hello``."""
    return [Turn(_SPEAKERS[text[0]], text[2:]) for text in said]


def kept(cleaned: Cleaned) -> list[list[str]]:
    return [[f"{turn.speaker[0]}:{turn.text}" for turn in part] for part in cleaned.parts]


def dropped(cleaned: Cleaned) -> list[str]:
    return [one.reason for one in cleaned.dropped]


@pytest.mark.parametrize(
    ("said", "left", "reasons"),
    [
        (["u:1", "a:2"], [["u:1", "a:2"]], []),
        (["s:0", "u:1", "a:2"], [["s:0", "u:1", "a:2"]], []),
        (["a:0", "a:00", "u:1", "a:2"], [["u:1", "a:2"]], ["opening_turn"] * 2),
        (["u:1", "a:2", "u:3"], [["u:1", "a:2"]], ["unanswered_turn"]),
        (["u:1", "a:2", "a:2"], [["u:1", "a:2"]], ["repeated_turn"]),
        (["u:1", "u:1", "a:2", "u:3", "a:4"], [["u:1", "a:2", "u:3", "a:4"]], ["repeated_turn"]),
        (["u:1", "a:1"], [["u:1", "a:1"]], []),
        (["u:1", "u:2", "a:3"], [], ["wrong_order"]),
        (["u:1", "a:2", "a:3"], [], ["wrong_order"]),
        (["u:1", "a:2", "s:3", "a:4"], [], ["wrong_order"]),
        (["u:1", "a: \n"], [], ["empty_turn"]),
        (["a:1"], [], ["opening_turn", "no_answer"]),
        (["u:1"], [], ["unanswered_turn", "no_answer"]),
        (["s:1"], [], ["no_answer"]),
        ([], [], ["no_answer"]),
    ],
    ids=str,
)
def test_turns_are_kept_or_dropped_with_a_reason(
    said: list[str], left: list[list[str]], reasons: list[str]
) -> None:
    cleaned = clean(turns(*said), PLAIN)

    assert (kept(cleaned), dropped(cleaned)) == (left, reasons)
    assert all(one.detail for one in cleaned.dropped)


def test_a_long_conversation_is_split_between_rounds_and_keeps_its_last_round() -> None:
    said = turns("u:aaaa", "a:bbbb", "u:cccc", "a:dddd", "u:eeee", "a:ffff")
    cleaned = clean(said, VicunaOptions(most_characters=16, html=False))

    # The original lost the third round: the one that goes over the limit and is the last.
    assert kept(cleaned) == [["u:aaaa", "a:bbbb", "u:cccc", "a:dddd"], ["u:eeee", "a:ffff"]]
    assert not cleaned.dropped


def test_a_round_that_is_too_long_alone_parts_what_is_before_and_after_it() -> None:
    said = turns("u:1", "a:2", "u:3", "a:" + "x" * 20, "u:5", "a:6", "u:7", "a:8")
    cleaned = clean(said, VicunaOptions(most_characters=10, html=False))

    assert kept(cleaned) == [["u:1", "a:2"], ["u:5", "a:6", "u:7", "a:8"]]
    assert dropped(cleaned) == ["round_too_long"]
    assert cleaned.dropped[0].detail == "round 2 is 21 long"


def test_a_first_round_that_is_too_long_leaves_no_empty_conversation() -> None:
    cleaned = clean(turns("u:12345678", "a:9", "u:1", "a:2"), VicunaOptions(6, html=False))
    assert kept(cleaned) == [["u:1", "a:2"]]


def test_the_system_turn_goes_with_each_part_and_counts() -> None:
    said = turns("s:ssss", "u:1", "a:2", "u:3", "a:4")

    assert kept(clean(said, VicunaOptions(8, html=False))) == [
        ["s:ssss", "u:1", "a:2", "u:3", "a:4"]
    ]
    assert kept(clean(said, VicunaOptions(7, html=False))) == [
        ["s:ssss", "u:1", "a:2"],
        ["s:ssss", "u:3", "a:4"],
    ]


@unhurried
@given(
    lengths=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=12),
    most=st.integers(1, 30),
)
def test_every_round_is_in_one_part_or_dropped_by_name(
    lengths: list[tuple[int, int]], most: int
) -> None:
    said = [
        Turn(_SPEAKERS[speaker], f"{number:02}" * length)
        for number, pair in enumerate(lengths)
        for speaker, length in zip("ua", pair, strict=True)
    ]
    cleaned = clean(said, VicunaOptions(most, count=lambda text: len(text) // 2, html=False))
    rounds = [part[n : n + 2] for part in cleaned.parts for n in range(0, len(part), 2)]
    fitting = [pair for pair in zip(said[::2], said[1::2], strict=True) if _size(pair) <= most]

    assert rounds == fitting
    assert dropped(cleaned) == ["round_too_long"] * (len(lengths) - len(fitting))
    assert all(0 < _size(part) <= most for part in cleaned.parts)


def _size(part: tuple[Turn, ...]) -> int:
    return sum(len(turn.text) // 2 for turn in part)


def test_the_limit_may_count_words() -> None:
    said = turns("u:one two", "a:three", "u:four", "a:five")
    cleaned = clean(said, VicunaOptions(3, count=lambda text: len(text.split()), html=False))
    assert kept(cleaned) == [["u:one two", "a:three"], ["u:four", "a:five"]]


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>One</p><p>Two <strong>bold</strong></p>", "One\n\nTwo **bold**"),
        ("<div><div>1 / 2</div><p>Hello</p></div>", "Hello"),
        ("<ul><li>a</li><li>b</li></ul>", "* a\n* b"),
        ("<h2>Head</h2><p>x</p>", "## Head\n\nx"),
        ("<p>snake_case and 2 * 3</p>", "snake_case and 2 * 3"),
        ("<p>a &lt; b &amp;&amp; c</p>", "a < b && c"),
        (
            "<pre><div>pythonCopy code</div><code><span>def</span> f_o():\n  x\n</code></pre>",
            "```python\ndef f_o():\n  x\n```",
        ),
        ("plain vector<int> a; a < b > c &amp; __init__", None),
        ("**Markdown** stays\n\n```c\nint x;\n```", None),
        ("Copy12 chars / 3 wordsText", "Text"),
        ("a\n```\nCopy code\n```\nb", "a\n\nb"),
        ("a\n```pythonCopy code```\nb", "a\n\nb"),
        ("3 / 4", ""),
        ("a 3 / 4 cup", None),
        ("  spaces around\n", "spaces around"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_html_becomes_markdown_and_the_page_s_buttons_go(html: str, markdown: str | None) -> None:
    assert html_to_markdown(html) == (html if markdown is None else markdown)


def test_html_nested_without_end_is_dropped_by_name() -> None:
    said = [Turn("user", "<ul><li>" * 3_000 + "</li></ul>"), Turn("assistant", "b")]
    assert dropped(clean(said, VicunaOptions())) == ["unreadable_html"]


@unhurried
@given(st.text())
def test_no_text_makes_the_cleaning_crash(text: str) -> None:
    clean([Turn("user", text + "</p>"), Turn("assistant", "<p>" + text)], VicunaOptions())


@pytest.mark.parametrize("text", ["```" + "a " * 500_000, "```\n" * 50_000, "Copy code" * 50_000])
def test_a_long_text_takes_no_longer_than_it_is_long(text: str) -> None:
    begun = time.process_time()
    html_to_markdown(text)
    # A pattern that tries every way of splitting it would take hours.
    assert time.process_time() - begun < 10


def test_sharegpt_is_read_cleaned_when_it_is_asked_for() -> None:
    conversations = [
        [("gpt", "lost"), ("human", "<p>a</p>"), ("gpt", "b" * 8), ("human", "c"), ("gpt", "d")],
        [("human", "a"), ("human", "b"), ("gpt", "c")],
        [("human", "a"), ("gpt", "b" * 8), ("human", "c"), ("gpt", "d")],
        [("human", "q"), ("gpt", "r"), ("human", "s"), ("gpt", "t")],
        [("tool", "q")],
    ]
    data = json.dumps(
        [{"conversations": [{"from": f, "value": v} for f, v in one]} for one in conversations]
    )
    options = ReadOptions(vicuna=VicunaOptions(most_characters=10))
    numbered = list(FORMATS["sharegpt"].rows(io.BytesIO(data.encode()), options))
    rows = [row for _, row in numbered]

    assert [number for number, _ in numbered] == [1, 1, 1, 2, 3, 4, 5]
    assert [row for row in rows if isinstance(row, Record)] == [
        Record("a", "b" * 8),
        Record("c", "d"),
        Record("s", "t", history=(Exchange("q", "r"),)),
    ]
    assert [(row.reason, row.row) for row in rows if isinstance(row, Unreadable)] == [
        ("opening_turn", 1), ("wrong_order", 2), ("repeated_conversation", 3), ("tool_calls", 5),
    ]  # fmt: skip


def test_each_drop_says_where_and_why() -> None:
    said = turns("a:0", "u:1", "u:1", "a:2", "u:3")
    assert [(one.reason, one.detail) for one in clean(said, PLAIN).dropped] == [
        ("opening_turn", "turn 1 is the assistant's"),
        ("repeated_turn", "turn 3 says the same as the last"),
        ("unanswered_turn", "nothing answers the last turn"),
    ]
    after_system = clean(turns("s:0", "a:1", "u:2", "a:3"), PLAIN)
    assert [one.detail for one in after_system.dropped] == ["turn 2 is the assistant's"]
    for said, detail in (
        (turns("u:1", "u:2", "a:3"), "where the assistant is due the user speaks"),
        (turns("u:1", "a:2", "a:3", "a:4"), "where the user is due the assistant speaks"),
        (turns("u:1", "a: "), "a turn of the assistant is empty"),
        (turns("u: ", "a:1"), "a turn of the user is empty"),
        ([], "no round is left"),
    ):
        assert clean(said, PLAIN).dropped[-1].detail == detail


def test_a_round_at_the_limit_stays_and_one_over_it_is_dropped() -> None:
    said = turns("s:ss", "u:1234", "a:56", "u:7", "a:8")
    assert kept(clean(said, VicunaOptions(8, html=False))) == [
        ["s:ss", "u:1234", "a:56"], ["s:ss", "u:7", "a:8"],
    ]  # fmt: skip
    shorter = clean(said, VicunaOptions(7, html=False))
    assert kept(shorter) == [["s:ss", "u:7", "a:8"]]
    assert [one.detail for one in shorter.dropped] == ["round 1 is 8 long"]
    long = clean(turns("u:" + "x" * 1_000, "a:y"), VicunaOptions(1_000, html=False))
    assert [one.detail for one in long.dropped] == ["round 1 is 1,001 long"]


def test_conversations_are_the_same_only_turn_by_turn() -> None:
    cleaner = Cleaner(PLAIN)
    for said, is_new in (
        (turns("u:1", "a:23"), True),
        (turns("u:12", "a:3"), True),
        (turns("s:1", "u:1", "a:23"), True),
        (turns("a:0", "u:1", "a:23"), False),
        (turns("u:12", "a:3"), False),
    ):
        rows = list(cleaner.records(said))
        assert isinstance(rows[0], Record) is is_new
    assert [(row.reason, row.detail) for row in rows if isinstance(row, BrokenRow)] == [
        ("repeated_conversation", "an earlier conversation is the same")
    ]


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("a<br>b", "a  \nb"),
        ("<DIV>a</DIV>", "a"),
        ("<span class='x'>a_b*c</span>", "a_b*c"),
        ("<h1>a</h1>", "# a"),
        ("a\n\n\n\nb", "a\n\nb"),
        ("a\n\nb", "a\n\nb"),
        (" 12 / 34 text", "text"),
        ("Copy1 chars / 2 wordsCopy3 chars / 4 wordsx", "x"),
        ("```Copy codeCopy code\nx\n```", "```\n\nx\n```"),
        ("```c++Copy code\nx\n```", "```c++\n\nx\n```"),
    ],
)
def test_the_cleaning_is_as_recorded(html: str, markdown: str) -> None:
    assert html_to_markdown(html) == markdown
