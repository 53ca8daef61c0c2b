"""Arguments and options that several commands take, declared once."""

from pathlib import Path
from typing import Annotated

import typer


def _no_job(given: str) -> str:
    if given.startswith("training_"):
        raise typer.BadParameter(f"{given} is a job, not a run: `seedbed jobs` is for those.")
    return given


def _no_run(given: str) -> str:
    if given.startswith("run_"):
        raise typer.BadParameter(
            f"{given} is a run, not a data set; `seedbed datasets make {given} --name NAME` makes "
            "one of it."
        )
    return given


Api = Annotated[
    str | None,
    typer.Option(
        "--api",
        envvar="SEEDBED_API_URL",
        metavar="URL",
        help="A service to talk to. Default: the one that runs on the data folder.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="One JSON document on standard output; the rest on the other."),
]
Limit = Annotated[int, typer.Option(min=1, help="The newest so many.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
OutFolder = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Default: named as the job.")
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.", callback=_no_job)]
DatasetId = Annotated[
    str, typer.Argument(metavar="DATASET", help="The data set's id.", callback=_no_run)
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
AskedModel = Annotated[
    str | None, typer.Option(help="The model to ask.", show_default="the service's")
]
EstimateOnly = Annotated[bool, typer.Option("--estimate", help="Only say what it would take.")]
