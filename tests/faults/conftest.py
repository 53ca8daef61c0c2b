"""What fault tests measured, printed at the end: a passing test shows its figures, too."""

import pytest

from tests.faults.survival import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of each run that was to survive, beside their goals."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport) and report.when == "call"
    ]
    lines = [
        f"{report.nodeid}: {figures}"
        for report in reports
        for name, figures in report.user_properties
        if name == FIGURES
    ]
    if lines:
        terminalreporter.section("survival")
        for line in lines:
            terminalreporter.write_line(line)
