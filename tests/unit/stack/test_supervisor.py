import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import StackError
from app.stack.process import LOG_LIMIT_BYTES, Process, ProcessSpec
from app.stack.supervisor import RestartPace, Supervisor
from app.stack.wait_until import wait_until

BOTH_WAYS = pytest.mark.parametrize(
    "watch_pipe",
    [
        pytest.param(
            False,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only"),
        ),
        True,
    ],
)


def python_spec(name: str, code: str, **options: object) -> ProcessSpec:
    environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    command = (sys.executable, "-c", code)
    return ProcessSpec(name, command, environment, **options)  # type: ignore[arg-type] # as given


def says(word: str) -> Callable[[Process], bool]:
    return lambda process: word in process.log_text()


def runs(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return (
            subprocess.run(
                ["ps", "-p", str(pid)], check=False, stdout=subprocess.DEVNULL
            ).returncode
            == 0
        )
    return stat.rpartition(")")[2].split()[0] != "Z"


def gone_within(pid: int, timeout_s: float) -> bool:
    give_up_at = time.monotonic() + timeout_s
    while runs(pid):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.02)
    return True


SLEEP = "import time; print('up'); time.sleep(60)"


@BOTH_WAYS
def test_a_part_is_started_and_stopped(tmp_path: Path, watch_pipe: bool) -> None:
    with Supervisor(tmp_path, watch_pipe=watch_pipe) as supervisor:
        process = supervisor.start(python_spec("sleeper", SLEEP, ready=says("up")))
        assert runs(process.pid)
        supervisor.check()
    assert not runs(process.pid)


@BOTH_WAYS
def test_a_part_leads_its_own_session_so_that_ctrl_c_does_not_reach_it(
    tmp_path: Path, watch_pipe: bool
) -> None:
    with Supervisor(tmp_path, watch_pipe=watch_pipe) as supervisor:
        process = supervisor.start(python_spec("sleeper", SLEEP, ready=says("up")))
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid


@BOTH_WAYS
def test_parts_are_stopped_last_started_first(tmp_path: Path, watch_pipe: bool) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def leave(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1])\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('up')\n"
        "time.sleep(60)\n"
    )
    with Supervisor(tmp_path, watch_pipe=watch_pipe) as supervisor:
        for name in "abc":
            part = python_spec(name, code, ready=says("up"))
            supervisor.start(ProcessSpec(name, (*part.command, name), part.environment, part.ready))
    assert order.read_text() == "cba"


@BOTH_WAYS
def test_a_part_that_will_not_stop_is_killed_after_its_grace(
    tmp_path: Path, watch_pipe: bool
) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
    started_at = time.monotonic()
    with Supervisor(tmp_path, watch_pipe=watch_pipe) as supervisor:
        part = python_spec("stubborn", code, ready=says("up"), stop_timeout_s=0.3)
        process = supervisor.start(part)
    assert not runs(process.pid)
    assert time.monotonic() - started_at < 10


@BOTH_WAYS
def test_children_of_a_part_go_with_it_even_when_it_forgot_them(
    tmp_path: Path, watch_pipe: bool
) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('up', child.pid, 'end')\n"
        "time.sleep(60)\n"
    )
    with Supervisor(tmp_path, watch_pipe=watch_pipe) as supervisor:
        process = supervisor.start(python_spec("forgetful", code, ready=says("end")))
        grandchild = int(process.log_text().split()[1])
        assert runs(grandchild)
    assert gone_within(grandchild, 2)


@BOTH_WAYS
def test_a_part_that_dies_while_starting_is_named_with_its_exit_code_and_last_words(
    tmp_path: Path, watch_pipe: bool
) -> None:
    code = "import sys; print('no such table: runs'); sys.exit(7)"
    with Supervisor(tmp_path, watch_pipe=watch_pipe) as supervisor:
        with pytest.raises(StackError) as failure:
            supervisor.start(python_spec("broken", code, ready=lambda _: False))
        supervisor.check()
    assert "broken ended with exit code 7" in str(failure.value)
    assert "no such table: runs" in str(failure.value)
    assert str(tmp_path / "broken.log") in str(failure.value)


def test_a_part_that_dies_later_is_found_by_the_next_look(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        process = supervisor.start(python_spec("victim", SLEEP, ready=says("up")))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(5)
        with pytest.raises(StackError, match="victim was ended by SIGKILL"):
            supervisor.check()


AT_ONCE = RestartPace(first_delay_s=0.05, longest_delay_s=0.1, most_failed_starts=3)


def start_and_kill(supervisor: Supervisor, spec: ProcessSpec) -> int:
    """Keep a process running, kill it, and return its process id."""
    first = supervisor.start(spec)
    supervisor.keep_running()
    os.kill(first.pid, signal.SIGKILL)
    return first.pid


def test_a_part_that_dies_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    code = "import os, time; print('up', os.getpid(), 'end'); time.sleep(60)"
    said: list[str] = []
    log = tmp_path / "victim.log"
    with Supervisor(tmp_path, say=said.append, pace=AT_ONCE) as supervisor:
        first = start_and_kill(supervisor, python_spec("victim", code, ready=says("end")))
        assert wait_until(lambda: "victim runs again." in said, timeout_s=20, poll_s=0.02)
        second = int(log.read_text().rpartition("up ")[2].split()[0])
        assert runs(second)
        assert second != first
        supervisor.check()
    assert not runs(second)
    assert said[0] == "victim was ended by SIGKILL. It is started again in 0.05 s."
    assert all(f"supervisor: victim {line[7:]}" in log.read_text() for line in said)


def test_a_part_that_never_comes_up_again_ends_the_stack(tmp_path: Path) -> None:
    once = tmp_path / "once"
    code = f"import os, time; os.mkdir({str(once)!r}); print('up'); time.sleep(60)"
    said: list[str] = []
    with Supervisor(tmp_path, say=said.append, pace=AT_ONCE) as supervisor:
        start_and_kill(supervisor, python_spec("broken", code, ready=says("up")))

        def gave_up() -> bool:
            try:
                supervisor.check()
            except StackError as failure:
                return "FileExistsError" in str(failure) and "3 times" in str(failure)
            return False

        assert wait_until(gave_up, timeout_s=30, poll_s=0.02)
    delays = [line.partition("again in ")[2] for line in said]
    assert delays == ["0.05 s.", "0.1 s.", "0.1 s."]


def test_a_full_disk_counts_for_no_failed_start(tmp_path: Path) -> None:
    once = tmp_path / "once"
    code = f"import os, time; os.mkdir({str(once)!r}); print('up'); time.sleep(60)"
    said: list[str] = []
    full = Supervisor(tmp_path, say=said.append, pace=AT_ONCE, disk_shortage=lambda _: "full")
    with full as supervisor:
        start_and_kill(supervisor, python_spec("unlucky", code, ready=says("up")))
        assert wait_until(lambda: len(said) > 5, timeout_s=30, poll_s=0.02)
        once.rmdir()
        assert wait_until(lambda: "unlucky runs again." in said, timeout_s=30, poll_s=0.02)
        supervisor.check()


def test_nothing_is_started_again_once_the_stack_stops(tmp_path: Path) -> None:
    late = RestartPace(first_delay_s=30)
    said: list[str] = []
    with Supervisor(tmp_path, say=said.append, pace=late) as supervisor:
        start_and_kill(supervisor, python_spec("victim", SLEEP, ready=says("up")))
        assert wait_until(lambda: bool(said), timeout_s=20, poll_s=0.02)
    assert len(said) == 1


def test_the_delay_doubles_with_each_death_up_to_the_longest() -> None:
    pace = RestartPace(first_delay_s=0.5, longest_delay_s=30)
    delays = [pace.delay_s(deaths) for deaths in (1, 2, 3, 7, 8, 5000)]
    assert delays == [0.5, 1, 2, 30, 30, 30]


def test_a_part_that_never_answers_is_given_up_and_not_left_running(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid()); time.sleep(60)"
    part = python_spec("mute", code, ready=lambda _: False, start_timeout_s=0.5)
    with Supervisor(tmp_path) as supervisor:
        with pytest.raises(StackError, match=r"mute did not answer within 0\.5 s"):
            supervisor.start(part)
        assert not runs(int((tmp_path / "mute.log").read_text()))


def test_an_earlier_part_that_dies_ends_the_wait_for_a_later_one(tmp_path: Path) -> None:
    short = python_spec("early", "print('up'); import time; time.sleep(0.5)", ready=says("up"))
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(short)
        with pytest.raises(StackError, match="early ended with exit code 0"):
            supervisor.start(python_spec("late", SLEEP, ready=lambda _: False))


def test_a_command_that_cannot_be_run_is_said_in_words(tmp_path: Path) -> None:
    part = ProcessSpec("absent", ("/nowhere/at/all",), {}, ready=lambda _: False)
    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(StackError, match="cannot run /nowhere/at/all"),
    ):
        supervisor.start(part)


def test_a_part_that_runs_to_its_end_must_succeed(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.finish(python_spec("good", "print('done')"))
        with pytest.raises(StackError, match="bad ended with exit code 1"):
            supervisor.finish(python_spec("bad", "raise SystemExit('could not')"))
        with pytest.raises(StackError, match=r"slow did not end within 0\.3 s"):
            supervisor.finish(python_spec("slow", SLEEP, start_timeout_s=0.3))


def test_a_failure_while_parts_run_stops_them(tmp_path: Path) -> None:
    def fail_with_a_part_running() -> Process:
        with Supervisor(tmp_path) as supervisor:
            started.append(supervisor.start(python_spec("sleeper", SLEEP, ready=says("up"))))
            raise KeyboardInterrupt

    started: list[Process] = []
    with pytest.raises(KeyboardInterrupt):
        fail_with_a_part_running()
    assert not runs(started[0].pid)


def test_a_second_interruption_while_stopping_kills_the_rest_at_once(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
    supervisor = Supervisor(tmp_path)
    with supervisor:
        pids = [
            supervisor.start(python_spec(name, code, ready=says("up"), stop_timeout_s=30)).pid
            for name in ("one", "two")
        ]
        interrupt = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill -INT {os.getpid()}"])
        started_at = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            supervisor.stop()
        interrupt.wait()
    assert time.monotonic() - started_at < 10
    assert not any(runs(pid) for pid in pids)


def test_a_log_goes_on_where_it_ended_unless_it_has_grown_too_large(tmp_path: Path) -> None:
    log = tmp_path / "talker.log"
    part = python_spec("talker", "print('hello')")
    with Supervisor(tmp_path) as supervisor:
        log.write_text("before\n")
        supervisor.finish(part)
        assert log.read_text() == "before\nhello\n"
        log.write_bytes(b"x" * (LOG_LIMIT_BYTES + 1))
        supervisor.finish(part)
        assert log.read_text() == "hello\n"


def test_the_last_words_are_of_this_start_not_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "broken.log").write_text("old trouble\n")
    with Supervisor(tmp_path) as supervisor, pytest.raises(StackError) as failure:
        supervisor.finish(python_spec("broken", "raise SystemExit('new trouble')"))
    assert "new trouble" in str(failure.value)
    assert "old trouble" not in str(failure.value)


def test_a_log_is_for_its_owner_only(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.finish(python_spec("private", "print('hello')"))
    assert (tmp_path / "private.log").stat().st_mode & 0o077 == 0


PARENT = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from app.stack.process import ProcessSpec
from app.stack.supervisor import RestartPace, Supervisor
code = "import os, time; print('pid', os.getpid(), 'end'); time.sleep(60)"
part = ProcessSpec("child", (sys.executable, "-c", code), {{"PYTHONUNBUFFERED": "1"}},
            lambda process: "end" in process.log_text())
logs, pace = Path({logs!r}), RestartPace(first_delay_s=0.05)
def pids():
    return [line.split()[1] for line in (logs / "child.log").read_text().splitlines()
            if line.startswith("pid") and line.endswith("end")]
with Supervisor(logs, watch_pipe={watch_pipe}, pace=pace) as supervisor:
    supervisor.start(part)
    {then}
    print(pids()[-1], flush=True)
    sys.stdin.read()
"""
RESTART = """
    supervisor.keep_running()
    os.kill(int(pids()[0]), 9)
    while len(pids()) < 2:
        time.sleep(0.02)
"""


@pytest.mark.parametrize("then", ["", RESTART], ids=["first", "restarted"])
@BOTH_WAYS
def test_parts_die_when_their_parent_is_killed(tmp_path: Path, watch_pipe: bool, then: str) -> None:
    root = Path(__file__).parents[3]
    code = PARENT.format(root=str(root), logs=str(tmp_path), watch_pipe=watch_pipe, then=then)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert runs(child)
        parent.kill()
        parent.wait()
        assert gone_within(child, 5)
