"""JSON as chat models write it is read as far as it is whole, and nothing is made up."""

import pytest

from app.pipeline.replies.lenient_json import json_values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a", "b",]', ["a", "b"]),
        ('["a",, "b"]', ["a", "b"]),
        ("['a\\'s', \"It's b\"]", ["a's", "It's b"]),
        ("['company's motto', 'b']", ["company's motto", "b"]),
        ("{'a': None, 'b': True}", {"a": None, "b": True}),
        ('["a", // x\n "b" /* y */]', ["a", "b"]),
        ('["a", # x\n "b"]', ["a", "b"]),
        ('["a\nx", "b"]', ["a\nx", "b"]),
        ('["a"\n"b"]', ["a", "b"]),
        ('["Say "hello" twice.", "b"]', ['Say "hello" twice.', "b"]),
        (r'["Cost \$5.", "b"]', ["Cost \\$5.", "b"]),
        ('{a: "x"}', {"a": "x"}),
        ("[“a”, “b”]", ["a", "b"]),
        ('["a", ...]', ["a"]),
        ('["\\ud83d\\ude80",]', ["🚀"]),
        ('[{"a": "1"} {"a": "2"}]', [{"a": "1"}, {"a": "2"}]),
        ('{"i": [{"input": "a", "output": "b",},],}', {"i": [{"input": "a", "output": "b"}]}),
    ],
)
def test_what_is_clear_is_read(text: str, value: object) -> None:
    (found,) = json_values(f"So: {text} Done.")

    assert (found.value, found.is_whole) == (value, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a", "b c', ["a"]),
        ('{"a": "x", "b', {"a": "x"}),
        ('["a", two]', ["a"]),
        ('["Use "red", "green" now.", "b"]', []),
        ("['the boys', and girls', 'b']", []),
        ('{"k": [{"a": "x"}, {"a": "y", "b": "z', {"k": [{"a": "x"}]}),
        ('["a"; "b"]', []),
    ],
)
def test_what_breaks_off_or_is_ambiguous_is_left_out(text: str, value: object) -> None:
    found = next(iter(json_values(text)))

    assert (found.value, found.is_whole) == (value, False)


def test_several_values_are_read_one_after_another() -> None:
    assert [each.value for each in json_values('{"a": 1}\n["b"]\nand {c: "d"}')] == [
        {"a": 1},
        ["b"],
        {"c": "d"},
    ]


@pytest.mark.parametrize("piece", ['["a",', '{"a":', "[{", '"', "[/*", "['"])
def test_a_megabyte_of_beginnings_is_read(piece: str) -> None:
    assert len(list(json_values('["x",' + piece * (1_000_000 // len(piece))))) <= 1_000
