"""The parents of all JSON bodies: views can't be changed, ignore new fields, describe theirs."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import make_dataclass

import pytest
from pydantic import ValidationError

import app.schemas
from app.errors import InvalidInput
from app.schemas.schema import RequestBody, Schema


class View(Schema):
    name: str
    """What it is called."""


def views() -> Iterator[type[Schema]]:
    for module in pkgutil.iter_modules(app.schemas.__path__):
        importlib.import_module(f"app.schemas.{module.name}")
    waiting = [Schema]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += found.__subclasses__()


def test_a_view_is_not_changed_after_it_was_read() -> None:
    view = View(name="a")
    with pytest.raises(ValidationError, match="frozen"):
        view.name = "b"  # type: ignore[misc] # mypy knows it, too
    # Equal ones are one, so that a list of views can be compared.
    assert len({view, View(name="a")}) == 1


def test_every_view_keeps_the_rules_of_its_parent() -> None:
    found = list(views())
    assert len(found) > 20
    for view in found:
        assert view.model_config.get("frozen") is True, view
        assert view.model_config.get("extra", "ignore") == "ignore", view


def test_a_view_is_made_of_an_object_and_ignores_what_is_new() -> None:
    stored = make_dataclass("Stored", [("name", str), ("more", int)])("a", 1)
    assert View.model_validate(stored) == View(name="a")
    assert View.model_validate_json('{"name": "a", "of_a_later_version": 1}') == View(name="a")


def test_what_stands_below_a_field_describes_it() -> None:
    described = View.model_json_schema()["properties"]["name"]["description"]
    assert described == "What it is called."


class Body(RequestBody):
    name: str


def test_a_body_that_cannot_be_stored_is_refused_with_its_place() -> None:
    assert Body.model_validate({"name": "a"}).name == "a"
    with pytest.raises(InvalidInput) as refused:
        Body.model_validate({"name": "a\x00"})
    assert [fault.field for fault in refused.value.faults] == ["name"]
