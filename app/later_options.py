"""Options that were added after hashes of all options were stored, for requests and checkpoints.

An equal request must have an equal hash also in the next version, which has more options.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel


def later_options(
    model: BaseModel, is_later: Callable[[str], bool], group: str = ""
) -> dict[str, Any]:
    """Return pydantic's `exclude` for later options that have their default.

    Options that leave them out then have the text that was hashed before they were there.

    Args:
        model: The options, in groups or not.
        is_later: Returns True for the path of an option that was added later.
        group: Path of the model with a dot behind it; empty for all options.
    """
    found: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        path, value = f"{group}{name}", getattr(model, name)
        if is_later(path) and value == field.get_default(call_default_factory=True):
            found[name] = True
        elif isinstance(value, BaseModel) and (inner := later_options(value, is_later, f"{path}.")):
            found[name] = inner
    return found
