"""What holds for all tests: shapes are checked while testing, and in CI nothing is skipped in silence."""

import os
from collections.abc import Generator

import pytest
from jaxtyping import install_import_hook

# Before any test imports the package: from here on every annotated shape is checked at each call.
install_import_hook("course_gan", "beartype.beartype")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI (the environment variable CI is "true") a skipped test is a failure: what was not run did not pass."""
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI forbids: {reason}"
    return report
