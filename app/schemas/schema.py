"""The parents of all JSON bodies, and the page that wraps lists of them."""

from collections.abc import Set
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.errors import InvalidInput
from app.storable_text import unstorable_values

ItemT = TypeVar("ItemT")


class Schema(BaseModel):
    """A JSON body.

    A reader ignores fields that it does not know, so a service may add fields.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class RequestBody(BaseModel):
    """A JSON body that a caller sends; all of it can be stored, whatever its fields are."""

    checked_elsewhere: ClassVar[Set[str]] = frozenset()
    """Fields with a check of their own."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable_values(cls, value: Any) -> Any:  # noqa: ANN401 - what JSON is
        if faults := unstorable_values(value, cls.checked_elsewhere):
            raise InvalidInput("The request has faults.", faults)
        return value


class PageView(Schema, Generic[ItemT]):
    """One page of a list."""

    # Each `PageView[...]` would look for its source through all modules: a second at each start.
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: list[ItemT]
    next_cursor: str | None = Field(
        description="Cursor of the next page; null when there are no more items for now."
    )
