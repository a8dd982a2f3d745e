"""In CI nothing is skipped in silence."""

from pathlib import Path

import pytest

TESTS = """
import pytest
def test_it():
    pytest.skip("there is no chromium")
@pytest.mark.xfail(raises=ZeroDivisionError)
def test_that():
    1 / 0
"""
MODULE = 'import pytest\npytest.skip("there is no chromium", allow_module_level=True)'


@pytest.mark.parametrize(
    ("ci", "outcomes"), [("true", {"failed": 1, "xfailed": 1}), ("", {"skipped": 1, "xfailed": 1})]
)
def test_a_skip_is_a_failure_in_ci_and_only_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    check(pytester, monkeypatch, TESTS, ci, outcomes)


def check(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tests: str, ci: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(tests)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs")
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines("*there is no chromium*")


@pytest.mark.parametrize(("ci", "outcomes"), [("true", {"errors": 1}), ("", {"skipped": 1})])
def test_a_module_skipped_as_a_whole_is_an_error_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    check(pytester, monkeypatch, MODULE, ci, outcomes)
