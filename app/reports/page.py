"""The HTML page of a report: one file that opens offline and sends no requests."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from app.reports.wording import cut

_LONGEST = 800


@dataclass(frozen=True, slots=True)
class Headline:
    """A key figure at the top of a report."""

    number: str
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under headers; the first column names the row."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int = 0
    """Number of rows left out."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a report. Without a plot and a table, `lead` says why there is nothing."""

    name: str
    title: str
    lead: str
    plot: str | None = None
    """Markup."""
    table: Table | None = None
    open_table: bool = False
    """True: the table is shown at once. False: it opens on a click."""
    wide: bool = False


def render(template: str, **values: object) -> str:
    """Fill a page template and add style, script and content security policy."""
    return _template(template).render(
        **values,
        markup=_markup,
        script=Markup(_source("report.js")),  # noqa: S704 - our own file
        style=Markup(_source("report.css")),  # noqa: S704 - our own file
        policy=PAGE_POLICY,
    )


def _markup(section: Section) -> Markup:
    """Return a plot unescaped: all foreign text in it was escaped when it was drawn."""
    return Markup(section.plot or "")  # noqa: S704


def _policy(script: str) -> str:
    """Return a content security policy that forbids all requests and all scripts but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Foreign texts are cut to this length wherever they are, so that the page stays small.
        finalize=lambda value: cut(value, _LONGEST) if type(value) is str else value,
    )
    return environment.get_template(name)


def _source(name: str) -> str:
    return files("app.reports").joinpath("templates", name).read_text("utf-8")


PAGE_POLICY = _policy(_source("report.js"))
"""The content security policy of every page: it stands in the page, for those who open a file."""
DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The content security policy of a drawing that is opened by itself."""
