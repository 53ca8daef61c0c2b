"""The HTML report: one file that opens offline and asks nothing of anybody."""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from app.record import DatasetRow
from app.reports.facts import CardFacts
from app.reports.origins import cost_section, examples, files_section, headlines, sources_section
from app.reports.plots import plots
from app.reports.sections import Section, sections
from app.reports.wording import cut

_LONGEST = 800


def html_report(facts: CardFacts, rows: Iterable[DatasetRow] = ()) -> str:
    """Write the report; the same bytes for the same facts.

    Args:
        facts: What there is to tell.
        rows: Examples, of which the first 20 are shown.
    """
    drawn = plots(facts)
    last = (cost_section(facts), sources_section(facts), files_section(facts))
    parts = [*sections(facts, drawn), *(part for part in last if part is not None)]
    script, style = _source("report.js"), _source("report.css")
    return _template().render(
        facts=facts,
        headlines=headlines(facts),
        sections=[part for part in parts if part.plot or part.table],
        silent=[part for part in parts if not (part.plot or part.table)],
        examples=examples(rows),
        markup=_markup,
        script=Markup(script),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        policy=_policy(script),
    )


def _markup(section: Section) -> Markup:
    """Let a plot through as it is: everything foreign in it was escaped when it was drawn."""
    return Markup(section.plot or "")  # noqa: S704


def _policy(script: str) -> str:
    """Forbid the page every request, and every script but its own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # No foreign text is longer than this, wherever it stands, so that the page stays small.
        finalize=lambda value: cut(value, _LONGEST) if type(value) is str else value,
    )
    return environment.get_template("report.html")


def _source(name: str) -> str:
    return files("app.reports").joinpath("templates", name).read_text("utf-8")
