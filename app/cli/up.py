"""`seedbed up`: the whole service on this machine, until Ctrl-C."""

import time

from rich.text import Text

from app.cli.arguments import AsJson
from app.cli.output import Output
from app.cli.service.find_service import read_settings, start_stack

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
                    "docs": f"{service.client.url}/docs",
                    "data": str(data_dir),
                    "logs": str(data_dir / "logs"),
                }
                output.result(addresses)
                output.show(*[Text(f"{name:5} {where}") for name, where in addresses.items()])
                output.message("Press Ctrl-C to stop.")
                while True:
                    service.check()
                    time.sleep(_CHECK_EVERY_S)
        except KeyboardInterrupt:
            # Ctrl-C is the usual way to end this command, so the exit code is 0.
            output.message("Stopped.")
