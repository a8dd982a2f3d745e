"""What holds for all tests: shapes are checked while testing, and in CI nothing is skipped in silence."""

import os
from collections.abc import Generator, Iterator

import pytest
from jaxtyping import install_import_hook

# Before any test imports the package: from here on every annotated shape is checked at each call.
install_import_hook("course_gan", "beartype.beartype")


def forbid_skip_in_ci(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI (the environment variable CI is "true") what was skipped has failed: what was not run did not pass."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, which CI forbids: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    forbid_skip_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that is skipped as a whole counts, too."""
    report = yield
    forbid_skip_in_ci(report)
    return report


@pytest.fixture
def styled_figures() -> Iterator[None]:
    """The book's style while a figure is drawn, and no figure left open after it."""
    import matplotlib.pyplot as plt  # here, as most tests draw nothing

    from course_gan import plots

    with plt.rc_context():
        plots.use_style()
        yield
        plt.close("all")
