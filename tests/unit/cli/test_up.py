"""`seedbed up` on a data folder that is in use."""

import os

from app.cli.exits import ExitCode
from app.stack.data_folder import locked_folder, publish
from tests.unit.cli.command_line import Seedbed


def test_a_second_stack_on_the_data_folder_says_where_the_first_is(seedbed: Seedbed) -> None:
    with locked_folder(seedbed.folder / "data") as folder:
        publish(folder, "http://127.0.0.1:8123")
        ended = seedbed("up", api=False)
    assert ended.code == ExitCode.SERVICE_FAILED
    assert f"process {os.getpid()}, which answers at http://127.0.0.1:8123" in ended.stderr
