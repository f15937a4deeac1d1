"""A plug-in for pytest: no test may be skipped, unless it is listed with its reason."""

import pytest

from not_applicable import NOT_APPLICABLE


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.skipped and item.name not in NOT_APPLICABLE:
        report.outcome = "failed"
        report.longrepr = f"skipped, and not listed as not applicable: {report.longrepr}"


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.getreports("skipped"):
        name = report.nodeid.split("::")[-1]
        terminalreporter.write_line(f"not applicable: {name}: {NOT_APPLICABLE[name]}")
