"""Options derived from models."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
import typer
from pydantic import BaseModel, ConfigDict, Field
from typer.testing import CliRunner

from app.cli.model_options import NONE_GIVEN, model_options, with_options
from app.cli.option_paths import Given, check_names, nested, parsed_settings, put
from app.cli.runs.options import CHANGES
from app.errors import InvalidInput
from app.pipeline.options import RunOptions


class Group(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Judge(Group):
    model: str | None = None
    """Judge to ask. Default: none."""
    most_cost_usd: Decimal | None = None
    """Cost limit."""


class Method(Group):
    name: Literal["lora", "full"] = "lora"
    """The method;
    `rank` belongs to lora."""
    rank: Annotated[int, Field(ge=1)] | None = None
    """The rank."""
    targets: Literal["q and v"] | tuple[str, ...] | None = None
    """Modules."""
    share: float = 0.25
    """A share."""
    packing: bool = False
    """Pack."""
    gguf: bool = True
    """Write GGUF."""


class Options(Group):
    random_seed: int = 7
    """The seed."""
    replay_dataset_id: str | None = None
    """More rows."""
    method: Method = Method()
    """The method."""
    judge: Judge | None = None
    """Have a judge."""


OPTIONS = model_options(Options, heading="General", flags={"random_seed": ("--seed", "-s")})
BY_PATH = {option.path: option for option in OPTIONS}


def given_of(*arguments: str) -> dict[str, object]:
    app = typer.Typer()
    found: dict[str, object] = {}

    @app.command()
    @with_options(OPTIONS)
    def command(name: str, given: Given = NONE_GIVEN, last: str = "z") -> None:
        """Do it."""
        found.update(given, name=name, last=last)

    result = CliRunner().invoke(app, ["n", *arguments])
    assert result.exit_code == 0, result.output
    assert (found.pop("name"), found.pop("last")) == ("n", "z")
    return found


def test_every_field_of_a_model_and_its_groups_is_an_option() -> None:
    assert {path: option.flags for path, option in BY_PATH.items()} == {
        "random_seed": ("--seed", "-s"),
        "replay_dataset_id": ("--replay",),
        "method.name": ("--method",),
        "method.rank": ("--rank",),
        "method.targets": ("--targets",),
        "method.share": ("--share",),
        "method.packing": ("--packing",),
        "method.gguf": ("--gguf/--no-gguf",),
        "judge": ("--judge",),
        "judge.model": ("--model",),
        "judge.most_cost_usd": ("--max-cost",),
    }


def test_a_group_within_a_group_gives_its_name_to_the_flag() -> None:
    class Outer(Group):
        evaluation: Options = Options()

    flags = {option.path: option.flags for option in model_options(Outer)}
    assert flags["evaluation.judge.most_cost_usd"] == ("--judge-max-cost",)
    assert flags["evaluation.method.name"] == ("--method",)
    assert flags["evaluation.replay_dataset_id"] == ("--replay",)


def test_the_help_is_the_docstring_with_default_and_flags() -> None:
    assert BY_PATH["method.name"].help == "The method; --rank belongs to lora. Default: lora."
    assert BY_PATH["method.rank"].help == "The rank."
    assert BY_PATH["random_seed"].help == "The seed. Default: 7."
    assert BY_PATH["method.share"].help == "A share. Default: 0.25."
    assert BY_PATH["method.packing"].help == "Pack. Default: off."
    assert BY_PATH["method.gguf"].help == "Write GGUF. Default: on."
    assert BY_PATH["judge.model"].help == "Judge to ask. Default: none."


def test_the_groups_are_headings() -> None:
    headings = {path: option.panel for path, option in BY_PATH.items()}
    assert headings["random_seed"] == headings["judge"] == "General"
    assert headings["method.rank"] == "Method"
    assert headings["judge.model"] == "Judge"


def test_fields_and_groups_can_be_left_out() -> None:
    left = model_options(Options, without=("method", "judge.model"))
    assert [option.path for option in left] == [
        "random_seed",
        "replay_dataset_id",
        "judge",
        "judge.most_cost_usd",
    ]


def test_two_fields_with_one_flag_are_a_defect() -> None:
    with pytest.raises(ValueError, match="--rank"):
        model_options(Options, flags={"random_seed": ("--rank",)})


def test_what_was_typed_is_known_by_path_and_nothing_else() -> None:
    assert given_of() == {}
    assert given_of("-s", "0", "--rank", "3", "--share", "0.5", "--method", "full") == {
        "random_seed": 0,
        "method.rank": 3,
        "method.share": 0.5,
        "method.name": "full",
    }
    assert given_of("--no-gguf", "--packing") == {"method.gguf": False, "method.packing": True}
    assert given_of("--max-cost", "0.50") == {"judge.most_cost_usd": "0.50"}


def test_a_flag_switches_a_group_on() -> None:
    assert given_of("--judge") == {"judge": {}}


def test_a_list_is_typed_with_commas_or_repeated_and_a_word_as_it_is() -> None:
    assert given_of("--targets", "a, b", "--targets", "c") == {"method.targets": ["a", "b", "c"]}
    assert given_of("--targets", "q and v") == {"method.targets": "q and v"}
    assert given_of("--targets", "x,") == {"method.targets": ["x"]}


def test_values_by_path_become_nested() -> None:
    assert nested({"a": 1, "b.c": 2, "b.d.e": 3}) == {"a": 1, "b": {"c": 2, "d": {"e": 3}}}


def test_a_value_is_put_over_what_is_there() -> None:
    options: dict[str, Any] = {"judge": {"model": "x"}, "seed": {"odd": 1}, "method": 3}
    put(options, "judge", {})
    put(options, "seed", 5)
    put(options, "method.rank", 4)
    assert options == {"judge": {"model": "x"}, "seed": 5, "method": {"rank": 4}}
    put(options, "other", {})
    assert options["other"] == {}


def test_settings_are_json_or_text() -> None:
    settings = ["a.b=3", "c=true", "d=plain text", "e=x=y", 'f={"g": 1}']
    assert parsed_settings(settings) == {
        "a.b": 3,
        "c": True,
        "d": "plain text",
        "e": "x=y",
        "f": {"g": 1},
    }


@pytest.mark.parametrize("setting", ["seed", "=1", "a..b=1", ".a=1"])
def test_a_setting_of_another_form_is_refused(setting: str) -> None:
    with pytest.raises(InvalidInput, match="PATH=VALUE") as failure:
        parsed_settings([setting])
    assert repr(setting) in failure.value.faults[0].message


def test_an_unknown_option_is_answered_with_the_most_similar_one() -> None:
    check_names(Options, {"random_seed": 1, "method": {"rank": 4}, "judge": {"model": "x"}})
    given = {"method": {"rnak": 4}, "rank": 4, "replay": {}, "zzz": 1}
    with pytest.raises(InvalidInput, match="Unknown options") as failure:
        check_names(Options, given)
    assert {fault.field: fault.message for fault in failure.value.faults} == {
        "method.rnak": "unknown option; did you mean method.rank?",
        "rank": "unknown option; did you mean method.rank?",
        "replay": "unknown option",
        "zzz": "unknown option",
    }


def test_a_json_object_is_typed_as_such() -> None:
    (option,) = [one for one in model_options(RunOptions) if one.path == "extra_body"]
    assert (option.flags, option.kind) == (("--extra-body",), str)
    assert option.read('{"user": {"id": 1}}') == {"user": {"id": 1}}
    for typed in ("[1]", "{", "text"):
        with pytest.raises(InvalidInput, match="--extra-body needs a JSON object"):
            option.read(typed)


def test_a_resumed_run_keeps_what_is_not_given_and_the_help_says_so() -> None:
    assert CHANGES
    assert all(option.help.endswith(" Default: unchanged.") for option in CHANGES)
    assert all(option.help.count("Default:") == 1 for option in CHANGES)
