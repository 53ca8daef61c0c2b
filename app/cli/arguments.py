"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer


def _reject_job(value: str) -> str:
    if value.startswith("training_"):
        raise typer.BadParameter(
            f"{value} is a training job, not a run; use `seedbed jobs show {value}` and the other "
            "`seedbed jobs` commands."
        )
    return value


def _reject_run(value: str) -> str:
    if value.startswith("run_"):
        raise typer.BadParameter(
            f"{value} is a run, not a data set; `seedbed datasets make {value} --name NAME` makes "
            "a data set from it."
        )
    return value


Api = Annotated[
    str | None,
    typer.Option(
        "--api",
        envvar="SEEDBED_API_URL",
        metavar="URL",
        help="Address of the service. Default: the service that runs on the data folder.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on standard output, and messages on standard error."
    ),
]
Limit = Annotated[int, typer.Option(min=1, help="How many to list, newest first.")]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")]
OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="DIR", help="Folder to write. Default: one named after the job."
    ),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.", callback=_reject_job)]
DatasetId = Annotated[
    str, typer.Argument(metavar="DATASET", help="Id of the data set.", callback=_reject_run)
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
EstimateOnly = Annotated[
    bool, typer.Option("--estimate", help="Only print the expected cost; start nothing.")
]
