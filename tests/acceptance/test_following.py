"""The story of somebody who wants to see what a run does, as it does it."""

import json
import subprocess
import sys

import httpx

from app.stack.embedded import EmbeddedStack
from tests.acceptance.conftest import start


def test_a_run_is_followed_from_the_command_line_until_it_has_ended(
    http: httpx.Client, service: EmbeddedStack
) -> None:
    run_id = start(http, target=40, random_seed=3)
    events = (sys.executable, "-m", "app.cli.main", "events")
    followed = subprocess.run(
        [*events, run_id, "--follow", "--json", "--api", service.api_url],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    reported = [json.loads(line) for line in followed.stdout.split("\n") if line]
    log = http.get(f"/runs/{run_id}/events").json()["items"]
    assert [one["id"] for one in reported if "id" in one] == [event["id"] for event in log]
    progress = [one["data"] for one in reported if one["kind"] == "progress"]
    assert progress[-1]["accepted"] == 40
    assert progress[-1]["calls"] == http.get(f"/runs/{run_id}").json()["funnel"]["asked"]
    assert reported[-1]["data"]["status"] == "succeeded"
