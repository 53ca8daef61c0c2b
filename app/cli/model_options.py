"""Command-line options derived from the pydantic models of the options.

A new field of a model is an option of the command without further code. The name of the field gives
the flag, its type and default give the type and default of the option, and its docstring gives the
help.
"""

import difflib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.errors import Fault, InvalidInput

Model: TypeAlias = type[BaseModel]
Given: TypeAlias = Mapping[str, object]
"""Values that were typed, by the path of their field, such as ``method.rank``."""
NONE_GIVEN: Given = {}
SetOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Set an option by its path in the API, GROUP.NAME=VALUE; repeat for several.",
    ),
]
_METAVARS = {
    "extra_body": "JSON",
    "dataset_id": "DATASET",
    "run_id": "RUN",
    "job_id": "JOB",
    "usd": "USD",
}


@dataclass(frozen=True, slots=True)
class ModelOption:
    """One option of a command, for one field of a model."""

    path: str
    flags: tuple[str, ...]
    kind: Any
    """Type as typer takes it; `Any` because `Literal[...]` is no type for mypy."""
    help: str
    panel: str | None
    """Heading in the help; None: the general one."""
    read: Callable[[Any], object]
    """Turns what was typed into the value for the API."""

    @property
    def variable(self) -> str:
        """Name of the parameter of the command."""
        return self.path.replace(".", "__")

    @property
    def parameter(self) -> inspect.Parameter:
        """The parameter from which typer makes the option."""
        info = typer.Option(
            *self.flags,
            metavar=_metavar(self.path, self.kind),
            help=self.help,
            show_default=False,  # The help says it.
            rich_help_panel=self.panel,
        )
        return inspect.Parameter(
            self.variable,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[self.kind | None, info],
        )


def model_options(
    model: Model,
    *,
    heading: str | None = None,
    flags: Mapping[str, tuple[str, ...]] | None = None,
    without: Sequence[str] = (),
    default: str | None = None,
) -> list[ModelOption]:
    """Return the options for all fields of a model.

    Args:
        model: a model whose fields have docstrings; a nested model is a heading in the help.
        heading: heading in the help for the fields in no nested model; None: the general one.
        flags: flags for the fields, by path, whose derived flag is not wanted.
        without: paths of fields, or of nested models, that give no option.
        default: the default that the help states for every option; None: that of the field.
    """
    options = list(_options(model, (), flags or {}, frozenset(without)))
    names = [flag for option in options for flag in option.flags]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"Several fields of {model.__name__} have the flag {repeated}.")
    return [
        replace(
            each,
            help=_with_default(_with_flags(each.help, options), default),
            panel=each.panel or heading,
        )
        for each in options
    ]


def with_options(
    options: Sequence[ModelOption],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options to a command, in place of its parameter `given`, which gets the typed values."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def wrapper(**arguments: Any) -> None:  # noqa: ANN401 whatever the options hold
            given = {}
            for option in options:
                typed = arguments.pop(option.variable)
                if typed not in (None, []):
                    given[option.path] = option.read(typed)
            command(**arguments, given=given)

        added = [option.parameter for option in options]
        parameters: list[inspect.Parameter] = []
        for own in inspect.signature(command, eval_str=True).parameters.values():
            keyword = own.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            parameters += added if own.name == "given" else [keyword]
        # Typer reads these two to find the options.
        vars(wrapper)["__signature__"] = inspect.Signature(parameters)
        wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
        wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
        return wrapper

    return decorate


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


def _options(
    model: Model,
    group: tuple[str, ...],
    flags: Mapping[str, tuple[str, ...]],
    without: frozenset[str],
) -> Iterator[ModelOption]:
    for name, field in model.model_fields.items():
        path = ".".join((*group, name))
        if path in without:
            continue
        kind, optional = _without_none(field.annotation)
        if not _is_model(kind):
            yield _option(path, field, kind, flags.get(path))
            continue
        if optional:
            yield _switch(path, field, flags.get(path))
        yield from _options(kind, (*group, name), flags, without)


def _option(
    path: str, field: FieldInfo, kind: object, flags: tuple[str, ...] | None
) -> ModelOption:
    read: Callable[[Any], object] = _same
    if kind is bool and field.default is not False:
        flags = flags or (f"--{_name(path)}/--no-{_name(path)}",)
    elif (words := _list_words(kind)) is not None:
        kind, read = list[str], _list_reader(words)
    elif kind is Decimal:
        kind = str
    elif get_origin(kind) is dict:
        kind, read = str, partial(_read_object, (flags or (f"--{_name(path)}",))[0])
    return ModelOption(
        path=path,
        flags=flags or (f"--{_name(path)}",),
        kind=kind,
        help=_help(field),
        panel=_panel(path),
        read=read,
    )


def _switch(path: str, field: FieldInfo, flags: tuple[str, ...] | None) -> ModelOption:
    """Return the flag that switches on a group which is off by default."""
    return ModelOption(
        path=path,
        flags=flags or (f"--{_name(path)}",),
        kind=bool,
        help=_help(field),
        panel=_panel(path),
        read=lambda typed: {} if typed else None,
    )


def _name(path: str) -> str:
    *groups, name = path.split(".")
    if name == "name" and groups:
        name = groups[-1]
    elif len(groups) > 1:
        name = f"{groups[-1]}_{name}"
    for ending in ("_dataset_id", "_id", "_usd"):
        name = name.removesuffix(ending)
    return name.replace("most_", "max_").replace("_", "-")


def _panel(path: str) -> str | None:
    group, dot, _ = path.partition(".")
    return group.replace("_", " ").capitalize() if dot else None


def _metavar(path: str, kind: object) -> str | None:
    if kind == list[str]:
        return "A,B,..."
    if kind is str:
        for ending, metavar in _METAVARS.items():
            if path.endswith(ending):
                return metavar
    return None


def _with_default(text: str, default: str | None) -> str:
    return text if default is None else f"{text.partition(' Default: ')[0]} Default: {default}."


def _help(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
    match field.default:
        case bool():
            default = "on" if field.default else "off"
        case str() | int():
            default = str(field.default)
        case float():
            default = f"{field.default:g}"
        case _:
            return text  # Where there is one, the docstring says it.
    return f"{text} Default: {default}."


def _with_flags(text: str, options: Sequence[ModelOption]) -> str:
    """Return a help text with flags in place of the names of fields."""
    for option in options:
        flag = option.flags[0].partition("/")[0]
        text = text.replace(f"`{option.path.rpartition('.')[2]}`", flag)
    return text


def _without_none(annotation: object) -> tuple[Any, bool]:
    """Return a type without `Annotated` and None, and True when None was part of it."""
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation, False
    members = [each for each in get_args(annotation) if each is not NoneType]
    optional = len(members) < len(get_args(annotation))
    if len(members) == 1:
        return _without_none(members[0])[0], optional
    return Union[tuple(members)], optional  # noqa: UP007 a union of types known at run time only


def _is_model(kind: object) -> TypeGuard[Model]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _list_words(kind: object) -> frozenset[str] | None:
    """Return the words that an option for a list takes instead of a list.

    Returns:
        None when the option is not for a list.
    """
    members = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    if not any(get_origin(each) in {tuple, list} for each in members):
        return None
    choices = (get_args(each) for each in members if get_origin(each) is Literal)
    return frozenset(word for words in choices for word in words)


def _list_reader(words: frozenset[str]) -> Callable[[list[str]], object]:
    def read(typed: list[str]) -> object:
        if len(typed) == 1 and typed[0] in words:
            return typed[0]
        items = (item.strip() for each in typed for item in each.split(","))
        return [item for item in items if item]

    return read


def _read_object(flag: str, typed: str) -> object:
    try:
        value = json.loads(typed)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InvalidInput(f"{flag} needs a JSON object.", [Fault("no JSON object", field=flag)])
    return value


def _same(typed: object) -> object:
    return typed


def _paths(model: Model, group: tuple[str, ...]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind, _ = _without_none(field.annotation)
        yield ".".join((*group, name))
        if _is_model(kind):
            yield from _paths(kind, (*group, name))


def _given_paths(model: Model, options: Mapping[str, Any], group: tuple[str, ...]) -> Iterator[str]:
    for name, value in options.items():
        yield ".".join((*group, name))
        field = model.model_fields.get(name)
        kind = None if field is None else _without_none(field.annotation)[0]
        if isinstance(value, Mapping) and _is_model(kind):
            yield from _given_paths(kind, value, (*group, name))
