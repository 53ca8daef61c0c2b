"""Command-line options derived from the pydantic models of the options.

A new field of a model is an option of the command without further code. The name of the field gives
the flag, its type and default give the type and default of the option, and its docstring gives the
help.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from app.cli.option_paths import Given, Model, is_model, without_none
from app.errors import Fault, InvalidInput

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
        kind, optional = without_none(field.annotation)
        if not is_model(kind):
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
