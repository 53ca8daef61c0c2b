"""Options of a pydantic model by their path, such as ``method.rank``, as ``--set`` takes them."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel

from app.errors import Fault, InvalidInput

Model: TypeAlias = type[BaseModel]
Given: TypeAlias = Mapping[str, object]
"""Values that were typed, by the path of their field, such as ``method.rank``."""


def nested(given: Given) -> dict[str, Any]:
    """Return values by path as nested objects, as the API takes them."""
    whole: dict[str, Any] = {}  # Any: a JSON document.
    for path, value in given.items():
        put(whole, path, value)
    return whole


def put(options: dict[str, Any], path: str, value: object) -> None:
    """Set one value in nested options.

    An empty object switches a group on, and does not replace one that is there.
    """
    *groups, name = path.split(".")
    group = options
    for each in groups:
        within = group.get(each)
        group[each] = group = within if isinstance(within, dict) else {}
    if value != {} or not isinstance(group.get(name), dict):
        group[name] = value


def parsed_settings(settings: Sequence[str]) -> dict[str, object]:
    """Return the values of ``--set`` by path; a value that is not JSON is text.

    Raises:
        InvalidInput: a setting has not the form PATH=VALUE.
    """
    found: dict[str, object] = {}
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not all(path.split(".")):
            raise InvalidInput(
                "--set needs PATH=VALUE, such as --set GROUP.NAME=VALUE.",
                [Fault(f"{setting!r} has another form", field="--set")],
            )
        try:
            found[path] = json.loads(value)
        except (ValueError, RecursionError):
            found[path] = value
    return found


def check_names(model: Model, options: Mapping[str, Any]) -> None:
    """Check that a model has every option.

    Raises:
        InvalidInput: it lacks some; names the most similar one for each.
    """
    known = list(_paths(model, ()))
    unknown = [path for path in _given_paths(model, options, ()) if path not in known]
    if not unknown:
        return
    faults = []
    for path in unknown:
        # The end of the path counts more than the group, which is often forgotten.
        by_name = {each.rpartition(".")[2]: each for each in reversed(known)}
        close = difflib.get_close_matches(path, known, 1) or [
            by_name[name] for name in difflib.get_close_matches(path.rpartition(".")[2], by_name, 1)
        ]
        hint = f"; did you mean {close[0]}?" if close else ""
        faults.append(Fault(f"unknown option{hint}", field=path))
    raise InvalidInput("Unknown options.", faults)


def without_none(annotation: object) -> tuple[Any, bool]:
    """Return a type without `Annotated` and None, and True when None was part of it."""
    if get_origin(annotation) is Annotated:
        return without_none(get_args(annotation)[0])
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation, False
    members = [each for each in get_args(annotation) if each is not NoneType]
    optional = len(members) < len(get_args(annotation))
    if len(members) == 1:
        return without_none(members[0])[0], optional
    return Union[tuple(members)], optional  # noqa: UP007 a union of types known at run time only


def is_model(kind: object) -> TypeGuard[Model]:
    """Return True when a type is a model, whose fields are a group."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _paths(model: Model, group: tuple[str, ...]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind, _ = without_none(field.annotation)
        yield ".".join((*group, name))
        if is_model(kind):
            yield from _paths(kind, (*group, name))


def _given_paths(model: Model, options: Mapping[str, Any], group: tuple[str, ...]) -> Iterator[str]:
    for name, value in options.items():
        yield ".".join((*group, name))
        field = model.model_fields.get(name)
        kind = None if field is None else without_none(field.annotation)[0]
        if isinstance(value, Mapping) and is_model(kind):
            yield from _given_paths(kind, value, (*group, name))
