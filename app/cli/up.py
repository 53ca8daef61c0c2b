"""`seedbed up`: the whole service on this machine, until Ctrl-C."""

import time
from pathlib import Path

import typer

from app.cli.arguments import AsJson
from app.cli.output import Output
from app.cli.service.find_service import read_settings, start_stack
from app.stack.owner_token import owner_token

_CHECK_EVERY_S = 0.5


def up(as_json: AsJson = False) -> None:
    """Start the whole service on this machine: API, worker, broker and, by default, a model.

    Stop it with Ctrl-C.
    """
    output = Output(as_json=as_json)
    with output.failures_reported():
        settings = read_settings()
        try:
            with start_stack(settings, output) as service:
                data_dir = settings.data_dir.expanduser().resolve()
                addresses = {
                    "api": service.client.url,
                    "docs": _documentation(service.client.url, settings.data_dir),
                    "data": str(data_dir),
                    "logs": str(data_dir / "logs"),
                }
                output.result(addresses)
                if not as_json:
                    # Not through `show`, which would break an address into two lines.
                    for name, where in addresses.items():
                        typer.echo(f"{name:5} {where}")
                output.message("Press Ctrl-C to stop.")
                while True:
                    service.check()
                    time.sleep(_CHECK_EVERY_S)
        except KeyboardInterrupt:
            # Ctrl-C is the usual way to end this command, so the exit code is 0.
            output.message("Stopped.")


def _documentation(url: str, data_dir: Path) -> str:
    """Return the address of the documentation, which lets its browser in where that is needed."""
    token = owner_token(data_dir)
    return f"{url}/docs" if token is None else f"{url}/docs?token={token}"
