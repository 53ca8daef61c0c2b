"""Commands for versions of data sets."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from app.cli.arguments import Api, AsJson, DatasetId, Limit, Out
from app.cli.datasets.display import dropped_lines, marked_lines, query_of, table
from app.cli.datasets.download import download, marks_hint
from app.cli.datasets.make_versions import import_file, make
from app.cli.exits import EXIT_CODES_HELP
from app.cli.files import checked_target, save
from app.cli.model_options import NONE_GIVEN, model_options, with_options
from app.cli.option_paths import Given
from app.cli.output import Output
from app.cli.service.find_service import connect
from app.formats.formats import EVERY_WRITE_OPTION

datasets_app = typer.Typer(
    help="Make, import, inspect, download and push data sets.", no_args_is_help=True
)

_FORMAT_OPTIONS = model_options(EVERY_WRITE_OPTION, heading="Options of formats")

datasets_app.command("make", epilog=EXIT_CODES_HELP)(make)
datasets_app.command("import", epilog=EXIT_CODES_HELP)(import_file)


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
    output.show(table(found) if found else Text("No data sets yet."))


@datasets_app.command("show", epilog=EXIT_CODES_HELP)
def show(dataset_id: DatasetId, api: Api = None, as_json: AsJson = False) -> None:
    """Show a data set, and how many rows each filter dropped."""
    output = Output(as_json=as_json)
    with output.failures_reported(), connect(api, output) as service:
        client = service.client.datasets
        dataset = client.get(dataset_id)
        manifest = client.json(dataset_id, "/manifest") if dataset.state == "ready" else {}
    output.result(dataset.model_dump(mode="json") | {"manifest": manifest})
    output.show(table([dataset]), *marked_lines(manifest), *dropped_lines(manifest))


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
    query = query_of(
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
