"""`seedbed seeds check`."""

from app.cli.exits import ExitCode
from tests.unit.cli.command_line import Seedbed


def test_seeds_are_checked_without_any_service(seedbed: Seedbed) -> None:
    good = seedbed("seeds", "check", str(seedbed.seeds), "--json", api=False)
    assert good.json == {
        "ok": True,
        "tasks": 1,
        "classification": 0,
        "form": "JSON lines",
        "notes": [],
    }
    seedbed.seeds.write_text("{}\n[]\n")
    bad = seedbed("seeds", "check", str(seedbed.seeds), "--json", api=False)
    assert bad.code == ExitCode.BAD_USAGE
    assert {fault["line"] for fault in bad.json["faults"]} == {1, 2}
    reported = seedbed("seeds", "check", str(seedbed.seeds), api=False)
    assert "instances" in reported.stdout
    assert not seedbed.service.asked
