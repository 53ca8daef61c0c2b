"""Commands that make a version of a data set: from a recipe, or from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson
from app.cli.datasets.display import query_of, show_version
from app.cli.datasets.recipe import recipe_of
from app.cli.output import Output, clean
from app.cli.service.find_service import Service, connect
from app.cli.watch.poll import poll
from app.errors import InvalidInput, SeedbedError
from app.schemas.datasets import DatasetView

Name = Annotated[
    str,
    typer.Option(
        "--name", help="Name of the data set. If the name exists, this makes its next version."
    ),
]


def make(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    name: Name,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE",
            help="Ids of runs and data sets; all rows of each are used. "
            "Default: the sources of the recipe.",
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Filters, deduplication, split and mix as a JSON file; each SOURCE is added to "
            "its sources.",
        ),
    ] = None,
    test_share: Annotated[
        float | None, typer.Option(help="Share of the rows in the test split, such as 0.05.")
    ] = None,
    nothing_near: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATASET",
            help="Drop near-duplicates of the rows of this data set; repeat for several.",
        ),
    ] = None,
    test_set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATASET",
            help="Decontaminate: drop rows that overlap with this test set; repeat for several.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the split and the mix.")] = None,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the new version, such as cc-by-4.0.")
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Make a data set from runs and other data sets: filtered, deduplicated and split."""
    output = Output(as_json=as_json)
    with output.failures_reported():
        wanted = recipe_of(recipe, sources or ())
        wanted |= {"nothing_near": nothing_near} if nothing_near else {}
        wanted |= {"test_sets": test_set} if test_set else {}
        wanted |= {"licence": licence} if licence else {}
        if test_share is not None:
            wanted["split"] = {**wanted.get("split", {}), "test_share": test_share}
        if seed is not None:
            wanted["split"] = {**wanted.get("split", {}), "seed": seed}
            wanted["mix"] = {**wanted.get("mix", {}), "seed": seed}
        with connect(api, output) as service:
            dataset = _wait(service, service.client.datasets.make(name, wanted))
        show_version(dataset, output)


def import_file(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="File to import; it may be gzipped, or the one file in a ZIP or tar archive.",
        ),
    ],
    name: Name,
    format: Annotated[  # noqa: A002 the name of the option
        str | None,
        typer.Option(
            "--format",
            help="Format, such as alpaca, messages or csv. Default: recognised by the content.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help='Columns of the file that hold our fields, such as {"instruction": "question"}.',
        ),
    ] = None,
    vicuna: Annotated[
        bool, typer.Option("--vicuna", help="Clean ShareGPT conversations as Vicuna does.")
    ] = False,
    most_characters: Annotated[
        int | None,
        typer.Option(
            "--max-characters",
            "--most-characters",
            help="With --vicuna: split conversations that are longer than this.",
        ),
    ] = None,
    roles: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='More names of speakers, such as {"customer": "user"}.'),
    ] = None,
    as_text: Annotated[
        bool, typer.Option("--as-text", help="Read numbers, true and false as text.")
    ] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Skip this column, whatever it contains, such as tools; repeat for several.",
        ),
    ] = None,
    classification: Annotated[
        bool,
        typer.Option(
            "--classification",
            help="Mark every row as a classification row, as `train --task labels` needs.",
        ),
    ] = False,
    skip_unreadable: Annotated[
        bool,
        typer.Option(
            "--skip-unreadable",
            help="Skip rows that can't be read, and record why, instead of failing.",
        ),
    ] = False,
    licence: Annotated[
        str | None, typer.Option(help="Licence of the file, such as cc-by-4.0.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the file comes from, such as its URL.")
    ] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Import a file as a data set, to mix it with others or to compare with it."""
    output = Output(as_json=as_json)
    query = query_of(
        {
            "format": format,
            "columns": columns,
            "roles": roles,
            "as_text": as_text or None,
            "classification": classification or None,
            "vicuna": vicuna or None,
            "most_characters": most_characters,
            "skip_unreadable": skip_unreadable or None,
            "licence": licence,
            "source": source,
        }
    )
    with output.failures_reported():
        with _opened(file) as content, connect(api, output) as service:
            client = service.client.datasets
            asked: dict[str, str | list[str]] = {"name": name, "ignore": ignore or [], **query}
            dataset = _wait(service, client.import_file(content, asked))
        show_version(dataset, output)
        output.show(*_reading(dataset))


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        opened = file.open("rb")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error
    with opened:
        yield opened


def _wait(service: Service, dataset: DatasetView) -> DatasetView:
    """Wait until a version is made.

    Raises:
        SeedbedError: it failed.
    """
    *_, last = poll(service, dataset, lambda: service.client.datasets.get(dataset.id))
    if last.state == "failed":
        raise SeedbedError(f"{last.id} failed: {last.message}")
    return last


def _reading(dataset: DatasetView) -> list[Text]:
    """Return the format that a file was read in, and the columns that were passed over."""
    lines = [Text(clean(f"Read as {dataset.format}."))]
    if dataset.passed_over:
        named = ", ".join(f"{name} ({rows:,} rows)" for name, rows in dataset.passed_over.items())
        lines.append(Text(clean(f"Columns passed over: {named}.")))
    return lines
