"""The guides name only what exists: packages, files, links, commands, options, settings."""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from app.cli.lazy_command import all_loaded
from app.cli.main import app
from app.curation.table import FILTERS
from app.formats.columns import FIELDS
from app.formats.formats import FORMATS, Format
from app.stack.environment import variable_names

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "seed_tasks").glob("*.md")]
)
FOLDERS = "app|workers|tests|docs|deploy|migrations|benchmarks|seed_tasks|requirements"
PATH = re.compile(rf"(?<![\w/.-])(?:{FOLDERS})/[\w./{{}},*-]*[\w}}/*]")
PROGRAM = all_loaded(app)
# Flags of Celery, pip, uv, Docker and our benchmarks.
FLAGS_OF_OTHERS = {
    "--concurrency", "--help", "--max-tasks-per-child", "--no-deps", "--plot", "--require-hashes",
    "--scale", "--synthetic", "--torch-backend",
}  # fmt: skip
READ_BY_TESTS = {"SEEDBED_POOL_FILE", "SEEDBED_RENEW_GOLDEN"}
TARGETS = set(re.findall(r"^([a-z.\w/-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def pages() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        yield str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")


def test_the_architecture_page_names_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = {line.split()[0] for line in page.splitlines() if line.startswith("app/")}
    packages = {str(p.parent.relative_to(ROOT)) for p in (ROOT / "app").rglob("__init__.py")}
    assert packages - {"app"} - lines == set()


def test_the_architecture_page_has_the_layers_of_the_contract() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    block = page.partition("## Import rules")[2].split("```text\n")[1].split("```")[0]
    assert [set(line.split(" | ")) for line in block.splitlines()] == [
        set(line.replace("app.", "").split(" | ")) for line in layers
    ]


def read_options_of(format_: Format) -> set[str]:
    """Return the names of the options for reading that a format has."""
    has = {"columns": format_.takes_columns, "vicuna": format_.takes_vicuna}
    return {name for name, is_taken in has.items() if is_taken}


def test_the_page_of_formats_has_every_format_with_its_fields_and_options() -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    described: list[tuple[str, list[Set[str]], set[str]]] = []
    for name, _, carries, merges, read_options in cells:
        always, _, if_asked = carries.partition(";")
        fields: list[Set[str]] = [
            set(re.findall(r"\w+", one)) & {*FIELDS} for one in (always, if_asked, merges)
        ]
        described.append((name.strip(" `"), fields, set(re.findall(r"\w+", read_options))))
    assert described == [
        (one.name, [one.carries, one.carries_if_asked, one.merges], read_options_of(one))
        for one in FORMATS.values()
    ]


def test_every_path_that_a_page_names_exists() -> None:
    missing = [
        f"{page}: {path}"
        for page, text in pages()
        for path in PATH.findall(text)
        # NAME stands for a file that the reader is to write.
        if "NAME" not in path and not any(ROOT.glob(path.rstrip("/")))
    ]
    assert not missing


def slug(heading: str) -> str:
    """Return the anchor that hosts of Markdown make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = []
    for page, text in pages():
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
            file, _, anchor = link.partition("#")
            target = (ROOT / page).parent / file if file else ROOT / page
            if not target.exists():
                broken.append(f"{page}: {link}")
            elif anchor:
                headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
                if anchor not in map(slug, headings):
                    broken.append(f"{page}: {link}")
    assert not broken


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words after `seedbed` of every example that starts with a dollar sign."""
    for line in re.findall(r"^\$ ((?:.*\\\n)*.*)$", text, re.MULTILINE):
        words = shlex.split(line.replace("\\\n", " "), comments=True)
        for number, word in enumerate(words):
            if word in {"seedbed", ".venv/bin/seedbed"}:
                yield words[number + 1 :]


def known_flags(program: object = PROGRAM) -> set[str]:
    """Return the flags of every command."""
    flags = {flag for parameter in getattr(program, "params", []) for flag in parameter.opts}
    commands = program.commands if isinstance(program, TyperGroup) else {}
    return flags.union(*map(known_flags, commands.values()))


def unknown_words(words: list[str]) -> list[str]:
    """Return the sub-command or the options of an example that the command line does not have."""
    command: Any = PROGRAM
    while isinstance(command, TyperGroup):
        if not words or words[0] not in command.commands:
            return words[:1] or ["no sub-command"]
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [option for option in options if option not in known]


def test_every_example_of_the_command_line_is_understood() -> None:
    examples = [(page, words) for page, text in pages() for words in commands(text)]
    wrong = [f"{page}: {words}" for page, words in examples if unknown_words(words)]
    assert examples
    assert not wrong


@pytest.mark.parametrize("words", [["grow"], [], ["run", "--seeds"], ["datasets", "mix"]])
def test_an_example_that_is_not_understood_is_found(words: list[str]) -> None:
    assert unknown_words(words)


def test_every_target_and_every_setting_exists() -> None:
    settings = {*variable_names().values(), *READ_BY_TESTS}
    wrong = []
    for page, text in pages():
        made = re.findall(r"(?:`|\$ |^)make ([a-z.][\w./-]*)", text, re.MULTILINE)
        named = re.findall(r"\bSEEDBED_[A-Z_]+", text)
        wrong += [f"{page}: make {target}" for target in made if target not in TARGETS]
        wrong += [f"{page}: {name}" for name in named if name not in settings]
    assert not wrong


def test_every_flag_that_the_text_names_exists() -> None:
    known = known_flags() | FLAGS_OF_OTHERS
    wrong = [
        f"{page}: {flag}"
        for page, text in pages()
        for quoted in re.findall(r"`[^`\n]*`", text)
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", quoted)
        if flag not in known
    ]
    assert not wrong


def test_every_import_in_an_example_works() -> None:
    wrong = []
    for page, text in pages():
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            for module, names in re.findall(r"^from (app[\w.]*) import (.*)$", block, re.MULTILINE):
                spec = importlib.util.find_spec(module)
                source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
                folder = ROOT / module.replace(".", "/")
                wrong += [
                    f"{page}: {module}.{name}"
                    for name in re.split(r",\s*| as \w+,?\s*", names.strip("() "))
                    if name
                    and not re.search(rf"\b{name}\b", source)
                    and not (folder / f"{name}.py").exists()
                ]
    assert not wrong


def test_the_page_of_data_sets_lists_every_filter() -> None:
    page = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", page, re.MULTILINE)
    assert rows == [(one.name, "yes" if one.on else "no") for one in FILTERS]
