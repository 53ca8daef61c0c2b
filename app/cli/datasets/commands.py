"""`seedbed datasets`: versions of data sets, made, taken in, looked at, downloaded, compared."""

import json
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import Api, AsJson, DatasetId, Limit, Out
from app.cli.datasets.files import arrived, fetched, recipe_of
from app.cli.exits import EXIT_CODES_HELP
from app.cli.output import Output, clean
from app.cli.service.answers import Dataset
from app.cli.service.connect import Service, found_service
from app.cli.service.export import checked_target
from app.errors import InvalidInput, SeedbedError

datasets_app = typer.Typer(
    help="Data sets: versions made of runs, files and earlier versions.", no_args_is_help=True
)

Name = Annotated[str, typer.Option("--name", help="Its name; a name has numbered versions.")]
_LOOK_EVERY_S = 0.3


@datasets_app.command("make", epilog=EXIT_CODES_HELP)
def make(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Runs and data sets, by id.")
    ],
    name: Name,
    recipe: Annotated[
        Path | None, typer.Option(help="A recipe as JSON; the sources are added to it.")
    ] = None,
    test_share: Annotated[float | None, typer.Option(help="Set so much apart as a test.")] = None,
    nothing_near: Annotated[
        list[str] | None, typer.Option(metavar="DATASET", help="Keep nothing that is near these.")
    ] = None,
    test_set: Annotated[
        list[str] | None, typer.Option(metavar="DATASET", help="Keep nothing of these test sets.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the split and of the mix.")] = None,
    licence: Annotated[str | None, typer.Option(help="Of the version.")] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Make a version of runs and earlier data sets: filtered, without repeats, split."""
    output = Output(as_json=as_json)
    with output.failures_told():
        wanted = recipe_of(recipe, sources)
        wanted |= {"nothing_near": nothing_near} if nothing_near else {}
        wanted |= {"test_sets": test_set} if test_set else {}
        wanted |= {"licence": licence} if licence else {}
        if test_share is not None:
            wanted["split"] = {**wanted.get("split", {}), "test_share": test_share}
        if seed is not None:
            wanted["split"] = {**wanted.get("split", {}), "seed": seed}
            wanted["mix"] = {**wanted.get("mix", {}), "seed": seed}
        with found_service(api, output) as service:
            dataset = _made(service, service.client.datasets.make(name, wanted))
        _show(dataset, output)


@datasets_app.command("import", epilog=EXIT_CODES_HELP)
def take_in(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    file: Annotated[Path, typer.Argument(help="The file, also gzipped.")],
    name: Name,
    format: Annotated[str, typer.Option("--format", help="Such as alpaca, messages, csv.")],  # noqa: A002
    columns: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='Which column is what: {"instruction": "question"}.'),
    ] = None,
    vicuna: Annotated[bool, typer.Option(help="Clean conversations Vicuna's way.")] = False,
    most_characters: Annotated[
        int | None, typer.Option(help="With --vicuna: split longer conversations.")
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option(help="Leave out rows that cannot be read, with their reasons.")
    ] = False,
    licence: Annotated[str | None, typer.Option(help="Of the file.")] = None,
    source: Annotated[str | None, typer.Option(help="Where it is from.")] = None,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Take in a file as a data set of its own: to mix, to compare, to hold new rows against."""
    output = Output(as_json=as_json)
    given: dict[str, Any] = {
        "columns": columns,
        "vicuna": vicuna or None,
        "most_characters": most_characters,
        "skip_unreadable": skip_unreadable or None,
        "licence": licence,
        "source": source,
    }
    query = {key: str(value) for key, value in given.items() if value is not None}
    with output.failures_told():
        try:
            opened = file.open("rb")
        except OSError as error:
            raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error
        with opened, found_service(api, output) as service:
            client = service.client.datasets
            dataset = client.take_in(opened, {"name": name, "format": format, **query})
            dataset = _made(service, dataset)
        _show(dataset, output)


@datasets_app.command("list", epilog=EXIT_CODES_HELP)
def list_all(
    name: Annotated[str | None, typer.Option(help="Only versions of this name.")] = None,
    limit: Limit = 20,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """List the newest versions."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        found = list(service.client.datasets.all(limit, name))
    output.result([dataset.as_sent for dataset in found])
    output.show(_table(found) if found else Text("No data set yet."))


@datasets_app.command("show", epilog=EXIT_CODES_HELP)
def show(dataset_id: DatasetId, api: Api = None, as_json: AsJson = False) -> None:
    """Show what a version is and what was left out of it."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        client = service.client.datasets
        dataset = client.get(dataset_id)
        manifest = client.json(dataset_id, "/manifest") if dataset.state == "ready" else {}
    output.result(dataset.as_sent | {"manifest": manifest})
    output.show(_table([dataset]), *_left_out(manifest))


@datasets_app.command("download", epilog=EXIT_CODES_HELP)
def download(  # noqa: PLR0913, PLR0917 Typer reads the options from the parameters
    dataset_id: DatasetId,
    out: Out,
    format: Annotated[str, typer.Option("--format", help="Such as alpaca, parquet.")] = "alpaca",  # noqa: A002
    split: Annotated[str | None, typer.Option(help="train or test; left out: all rows.")] = None,
    chat_columns: Annotated[bool, typer.Option(help="Parquet: also chats.")] = False,
    templates: Annotated[bool, typer.Option(help="prompt_completion: random encodings.")] = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Write a version to a file: whole and checked by its hash, or not at all."""
    output = Output(as_json=as_json)
    given: dict[str, Any] = {
        "format": format,
        "split": split,
        "chat_columns": chat_columns or None,
        "templates": templates or None,
    }
    query = {key: str(value) for key, value in given.items() if value is not None}
    with output.failures_told():
        out = checked_target(out)
        with found_service(api, output) as service:
            sha256, size = fetched(service.client.datasets, dataset_id, query, out)
    output.result({"file": str(out), "sha256": sha256, "size_bytes": size})
    output.show(Text(f"{size:,} bytes in {out}, SHA-256 {sha256}"))


@datasets_app.command("report", epilog=EXIT_CODES_HELP)
def report(
    dataset_id: DatasetId,
    out: Out = Path("report.html"),
    part: Annotated[
        Literal["report", "card"], typer.Option(help="The HTML report, or the card for a hub.")
    ] = "report",
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Write the report on a version, a page that opens offline, or its card."""
    output = Output(as_json=as_json)
    with output.failures_told():
        out = checked_target(out)
        with found_service(api, output) as service:
            arrived(service.client.datasets.text(dataset_id, f"/{part}"), out)
    output.result({"file": str(out)})
    output.show(Text(f"The {part} is in {out}."))


@datasets_app.command("compare", epilog=EXIT_CODES_HELP)
def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A data set's id.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another one's.")],
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Say what NEW has that OLD has not, and the other way round."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        answer = service.client.datasets.comparison(old, new)
    output.result(answer)
    counts = {name: answer[name] for name in ("added", "removed", "changed", "same")}
    output.show(Text(" · ".join(f"{n:,} {name}" for name, n in counts.items())))


@datasets_app.command("delete", epilog=EXIT_CODES_HELP)
def delete(dataset_id: DatasetId, api: Api = None, as_json: AsJson = False) -> None:
    """Remove a version with its rows and files."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        service.client.datasets.delete(dataset_id)
    output.result({"deleted": dataset_id})
    output.show(Text(f"{dataset_id} is deleted."))


@datasets_app.command("push", epilog=EXIT_CODES_HELP)
def push(
    dataset_id: DatasetId,
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="On the hub.")],
    public: Annotated[bool, typer.Option(help="Let everybody see it.")] = False,
    api: Api = None,
    as_json: AsJson = False,
) -> None:
    """Put a version with its card on the hub that the service has a token for."""
    output = Output(as_json=as_json)
    with output.failures_told(), found_service(api, output) as service:
        answer = service.client.datasets.push(dataset_id, {"repo": repo, "private": not public})
    output.result(answer)
    output.show(Text(f"{answer.get('url')}"))


def _made(service: Service, dataset: Dataset) -> Dataset:
    """Wait until a version is made.

    Raises:
        SeedbedError: it failed.
    """
    while not dataset.ended:
        service.check()
        time.sleep(_LOOK_EVERY_S)
        dataset = service.client.datasets.get(dataset.id)
    if dataset.state == "failed":
        raise SeedbedError(f"{dataset.id} failed: {dataset.message}")
    return dataset


def _show(dataset: Dataset, output: Output) -> None:
    output.result(dataset.as_sent)
    output.show(_table([dataset]))


def _table(found: list[Dataset]) -> Table:
    table = Table("data set", "name", "version", "state", "rows", "left out", box=None)
    for one in found:
        counts = (f"{one.row_count:,}", f"{one.dropped_count:,}")
        table.add_row(one.id, clean(one.name), str(one.version), one.state, *counts)
    return table


def _left_out(manifest: dict[str, Any]) -> list[Text]:
    dropped = manifest.get("dropped", {})
    return [
        Text(clean(f"  {rule}: {json.dumps(reasons)}")) for rule, reasons in sorted(dropped.items())
    ]
