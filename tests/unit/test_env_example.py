"""`.env.example` is held to `Settings`: the same names, the same defaults."""

import re
from pathlib import Path

import pytest

from app.settings import Settings
from app.stack.environment import variable_names

EXAMPLE = Path(__file__).parents[2] / ".env.example"
ASSIGNMENT = re.compile(r"^#? ?([A-Z][A-Z0-9_]*)=(.*)$")
SHOWS_A_VALUE_WITHOUT_DEFAULT = {
    "DATABASE_URL",
    "REDIS_URL",
    "OPENAI_BASE_URL",
    "SEEDBED_PRICES",
    "SEEDBED_ENDPOINTS",
    "SEEDBED_PULSE_FILE",
    "SEEDBED_EXTRA_BODY",
    "SEEDBED_EXTRA_HEADERS",
    "HF_ENDPOINT",
}


def assignments() -> list[tuple[str, str]]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return [match.groups() for line in lines if (match := ASSIGNMENT.match(line))]  # type: ignore[misc] # two groups


def test_the_example_names_every_setting_once_and_nothing_else() -> None:
    named = [name for name, _ in assignments()]
    assert sorted(named) == sorted(variable_names().values())


def test_the_example_shows_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    uncommented = [
        f"{name}={value}"
        for name, value in assignments()
        if value and name not in SHOWS_A_VALUE_WITHOUT_DEFAULT
    ]
    assert len(uncommented) > 5
    (tmp_path / ".env").write_text("\n".join(uncommented))
    monkeypatch.chdir(tmp_path)
    assert Settings() == Settings(_env_file=None)


def test_the_example_can_be_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names().values():
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("\n".join(f"{name}={value}" for name, value in assignments()))
    monkeypatch.chdir(tmp_path)
    assert Settings().prices["some-model"].output_usd.as_tuple().digits == (6, 0)


def test_every_setting_is_explained_by_a_line_above_it() -> None:
    blocks = EXAMPLE.read_text(encoding="utf-8").split("\n\n")[1:]
    for block in blocks:
        assert not ASSIGNMENT.match(block), block


def test_the_example_names_the_variable_that_only_the_command_line_reads() -> None:
    assert "SEEDBED_API_URL" in EXAMPLE.read_text(encoding="utf-8")
