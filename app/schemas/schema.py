"""The parent of all JSON bodies, and the page that wraps lists of them."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

ItemT = TypeVar("ItemT")


class Schema(BaseModel):
    """A JSON body.

    A reader ignores fields that it does not know, so a service may add fields.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True)


class PageView(Schema, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: str | None
    """Cursor of the next page; null when there are no more items for now."""
