"""Text and JSON values that both databases can store: each limit on both sides."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.storable_text import StorableText, unstorable_values

NUL = "has a NUL byte in it"
SURROGATE = "has half of a surrogate pair in it"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", None),
        ("\x01\x7f\ud7ff\ue000\U0001f331", None),
        ("a\x00", NUL),
        (f"a{chr(0xD800)}", SURROGATE),
        (f"a{chr(0xDFFF)}", SURROGATE),
        ("\ud800\x00", SURROGATE),
        ("\x00\ud800", NUL),
    ],
)
def test_a_text_without_nul_and_half_characters_is_stored(text: str, reason: str | None) -> None:
    if reason is None:
        assert TypeAdapter(StorableText).validate_python(text) == text
        assert unstorable_values(text) == []
        return
    with pytest.raises(ValidationError, match=reason):
        TypeAdapter(StorableText).validate_python(text)
    assert [(fault.message, fault.field) for fault in unstorable_values(text)] == [(reason, None)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (9_223_372_036_854_775_807, None),
        (9_223_372_036_854_775_808, "is too large a number"),
        (-9_223_372_036_854_775_807, None),
        (-9_223_372_036_854_775_809, "is too large a number"),
        (True, None),
        (None, None),
        (1.7e308, None),
        (float("inf"), "must be a finite number"),
        (float("nan"), "must be a finite number"),
    ],
)
def test_numbers_are_finite_and_have_64_bits(value: object, message: str | None) -> None:
    found = unstorable_values({"a": [0, {"b": value}]})
    assert [(one.message, one.field) for one in found] == (
        [] if message is None else [(message, "a[1].b")]
    )


def test_names_are_checked_and_those_checked_elsewhere_are_not() -> None:
    value = {"a\x00b": "\x00", "ours": {"text": "\x00"}, "c": {"ours": "\x00"}}
    found = unstorable_values(value, {"ours"})
    assert [(one.message, one.field) for one in found] == [
        (f"the name {NUL}", "a\ufffdb"),
        (NUL, "c.ours"),
    ]
    assert len(unstorable_values(value)) == 3


def test_of_many_faults_the_first_hundred_are_named() -> None:
    assert [one.field for one in unstorable_values(["\x00"] * 101)] == [
        f"[{place}]" for place in range(100)
    ]
