"""`seedbed seeds`: seed tasks, checked without a service."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.exits import EXIT_CODES_HELP, ExitCode
from app.cli.files import read_file
from app.cli.output import Output, fault_json, fault_table
from app.errors import InvalidInput
from app.pipeline.seed_tasks import read_seed_file

seeds_app = typer.Typer(help="Check seed tasks.", no_args_is_help=True)


@seeds_app.command("check", epilog=EXIT_CODES_HELP)
def check(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Seed tasks (JSON lines, a JSON list, or CSV).")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a file of seed tasks and list every problem; needs no service."""
    output = Output(as_json=as_json)
    with output.failures_reported():
        data = read_file(file)
        try:
            seeds = read_seed_file(data)
        except InvalidInput as error:
            faults = [fault_json(fault) for fault in error.faults]
            output.result({"ok": False, "message": str(error), "faults": faults})
            output.show(Text(str(error)), fault_table(error.faults))
            raise typer.Exit(ExitCode.BAD_USAGE) from None
    count = len(seeds.tasks)
    classification = sum(task.is_classification for task in seeds.tasks)
    counts = {"tasks": count, "classification": classification}
    output.result({"ok": True, **counts, "form": seeds.form, "notes": list(seeds.notes)})
    output.show(
        Text(f"{count:,} valid seed tasks, {classification:,} for classification ({seeds.form})."),
        *map(Text, seeds.notes),
    )
