"""YAML that readers take as it was meant."""

from typing import Any

import pytest
import yaml

from app.formats.yaml_text import yaml_text


@pytest.mark.parametrize(
    "value",
    [
        1e-05, 2.5e-07, 1e16, 0.0, 3.0, 0.0003, 7, True, False, None,
        "meta-llama/Llama-3.2-1B", "yes", "null", "1e5", "12", "", "- a", "a: b", "#", "{x}",
        "two\nlines", 'say "no"', "back\\slash", "\x7f\x85\u2028\ufeff", "\U0001f600", "naïve",
        ["q_proj", "no", 1.0], {"deep": {"deeper": [{"a": 1, "b": [2]}]}},
    ],
)  # fmt: skip
def test_what_is_written_is_read_back(value: Any) -> None:
    read = yaml.safe_load(yaml_text({"key": value, "after": 1}))

    assert read == {"key": value, "after": 1}
    assert type(read["key"]) is type(value)


def test_keys_keep_their_order_and_a_value_used_twice_is_written_twice() -> None:
    shared = {"type": "alpaca"}
    text = yaml_text({"b": [shared], "a": shared})

    assert text == "b:\n- type: alpaca\na:\n  type: alpaca\n"


def test_a_long_text_stays_on_one_line() -> None:
    assert yaml_text({"key": "word " * 60 + "end"}).count("\n") == 1
