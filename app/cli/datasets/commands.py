"""Commands for versions of data sets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import Api, AsJson, DatasetId, Limit, Out
from app.cli.datasets.download import download, marks_hint
from app.cli.datasets.recipe import recipe_of
from app.cli.exits import EXIT_CODES_HELP
from app.cli.files import checked_target, save
from app.cli.model_options import NONE_GIVEN, Given, model_options, with_options
from app.cli.output import Output, clean
from app.cli.service.find_service import Service, connect
from app.cli.watch.poll import poll
from app.errors import InvalidInput, SeedbedError
from app.formats.formats import EVERY_WRITE_OPTION
from app.schemas.datasets import DatasetView

datasets_app = typer.Typer(
    help="Make, import, inspect, download and push data sets.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Option(
        "--name", help="Name of the data set; each data set of a name is a new version of it."
    ),
]

_FORMAT_OPTIONS = model_options(EVERY_WRITE_OPTION, heading="Options of formats")


@datasets_app.command("make", epilog=EXIT_CODES_HELP)
def make(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Ids of runs and data sets.")
    ],
    name: Name,
    recipe: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Filters, deduplication, split and mix as a JSON file; the sources are added.",
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
        wanted = recipe_of(recipe, sources)
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
        _show(dataset, output)


@datasets_app.command("import", epilog=EXIT_CODES_HELP)
def import_file(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to import; it may be gzipped.")
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
            help="Pass over this column, whatever it says, such as tools; repeat for several.",
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
    query = _query(
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
        _show(dataset, output)
        output.show(*_reading(dataset))


@datasets_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(
    name: Annotated[str | None, typer.Option(help="Only versions of this name.")] = None,
    limit: Limit = 20,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """List the newest data sets."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        found = list(service.client.datasets.all(limit, name))
    output.result([dataset.model_dump(mode="json") for dataset in found])
    output.show(_table(found) if found else Text("No data sets yet."))


@datasets_app.command("show", epilog=EXIT_CODES_HELP)
def show(dataset_id: DatasetId, api: Api = None, as_json: AsJson = False) -> None:
    """Show a data set, and how many rows each filter dropped."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        client = service.client.datasets
        dataset = client.get(dataset_id)
        manifest = client.json(dataset_id, "/manifest") if dataset.state == "ready" else {}
    output.result(dataset.model_dump(mode="json") | {"manifest": manifest})
    output.show(_table([dataset]), *_marked(manifest), *_dropped(manifest))


@datasets_app.command("download", epilog=EXIT_CODES_HELP)
@with_options(_FORMAT_OPTIONS)
def download_file(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: DatasetId,
    out: Out,
    format: Annotated[  # noqa: A002 the name of the option
        str, typer.Option("--format", help="Format, such as alpaca, messages or parquet.")
    ] = "alpaca",
    split: Annotated[
        str | None, typer.Option(help="Split to write: train or test. Default: all rows.")
    ] = None,
    given: Given = NONE_GIVEN,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Download a data set as a file, verified by its SHA-256."""
    output = Output(as_json=as_json)
    query = _query(
        {
            "format": format,
            "split": split,
            **given,
        }
    )
    with output.failures_reported():
        out = checked_target(out)
        with connect(api, output) as service:
            file = download(service.client.datasets, dataset_id, query, out)
    output.result({"file": str(out), "sha256": file.sha256, "size_bytes": file.size_bytes})
    output.show(Text(f"Wrote {file.size_bytes:,} bytes to {out}, SHA-256 {file.sha256}."))
    if file.marks_left_out:
        output.message(marks_hint(format, file.marks_left_out))


@datasets_app.command("report", epilog=EXIT_CODES_HELP)
def report(
    dataset_id: DatasetId,
    out: Out = Path("report.html"),
    part: Annotated[
        Literal["report", "card"],
        typer.Option(help="The HTML report, or the data set card for the Hugging Face Hub."),
    ] = "report",
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Write the HTML report on a data set, which opens offline, or its card."""
    output = Output(as_json=as_json)
    with output.failures_reported():
        out = checked_target(out)
        with connect(api, output) as service:
            save(service.client.datasets.document(dataset_id, f"/{part}"), out)
    output.result({"file": str(out)})
    output.show(Text(f"Wrote the {part} to {out}."))


@datasets_app.command("compare", epilog=EXIT_CODES_HELP)
def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Id of a data set.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Id of another data set.")],
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Count the rows that were added, removed and changed from OLD to NEW."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        answer = service.client.datasets.comparison(old, new)
    output.result(answer)
    counts = {name: answer[name] for name in ("added", "removed", "changed", "same")}
    output.show(Text(" · ".join(f"{n:,} {name}" for name, n in counts.items())))


@datasets_app.command("delete", epilog=EXIT_CODES_HELP)
def delete(dataset_id: DatasetId, api: Api = None, as_json: AsJson = False) -> None:
    """Delete a data set with its rows and files."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        service.client.datasets.delete(dataset_id)
    output.result({"deleted": dataset_id})
    output.show(Text(f"Deleted {dataset_id}."))


@datasets_app.command("push", epilog=EXIT_CODES_HELP)
def push(
    dataset_id: DatasetId,
    repo: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="Repository on the Hugging Face Hub.")
    ],
    public: Annotated[bool, typer.Option("--public", help="Make the repository public.")] = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Push a data set with its card to the Hugging Face Hub; the service needs a token for it."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        answer = service.client.datasets.push(dataset_id, {"repo": repo, "private": not public})
    output.result(answer.model_dump(mode="json"))
    output.show(Text(f"Pushed to {answer.url}."))


def _query(given: dict[str, Any]) -> dict[str, str]:
    # `Any`: text, numbers and flags.
    return {name: str(value) for name, value in given.items() if value is not None}


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


def _show(dataset: DatasetView, output: Output) -> None:
    output.result(dataset.model_dump(mode="json"))
    output.show(_table([dataset]))


def _reading(dataset: DatasetView) -> list[Text]:
    """Return the format that a file was read in, and the columns that were passed over."""
    lines = [Text(clean(f"Read as {dataset.format}."))]
    if dataset.passed_over:
        named = ", ".join(f"{name} ({rows:,} rows)" for name, rows in dataset.passed_over.items())
        lines.append(Text(clean(f"Columns passed over: {named}.")))
    return lines


def _table(found: list[DatasetView]) -> Table:
    table = Table("id", "name", "version", "state", "rows", "dropped", box=None)
    table.columns[0].no_wrap = True  # A cut id is useless.
    for one in found:
        counts = (f"{one.row_count:,}", f"{one.dropped_count:,}")
        table.add_row(one.id, clean(one.name), str(one.version), one.state, *counts)
    return table


def _marked(manifest: dict[str, Any]) -> list[Text]:
    marked = manifest.get("classification_rows", 0)
    return [Text(f"  classification rows: {marked:,}")] if marked else []


def _dropped(manifest: dict[str, Any]) -> list[Text]:
    dropped = manifest.get("dropped", {})
    return [
        Text(clean(f"  dropped by {rule}: {json.dumps(reasons)}"))
        for rule, reasons in sorted(dropped.items())
    ]
