"""Days that a person gives, by setting or option: a wrong one is named with its remedy."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.settings import Settings, SettingsError, require
from analytics_pipeline_tests.cli.conftest import Run


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize(
    "value", ["yesterday", "2026-13-01", "20261105", "2026-W45-4", "2026-11-05T00:00"]
)
def test_a_bad_day_is_named_with_the_form_it_must_have(run: Run, option: str, value: str) -> None:
    result = run("sync", option, value)
    assert result.exit_code == 2, result.output
    assert f"{option} {value!r} is not a calendar day" in result.output
    assert "YYYY-MM-DD" in result.output


def test_a_first_day_in_the_future_is_refused_before_anything_loads(
    run: Run, demo: DemoVocareum, organisation: Organisation, data: Path
):
    demo.put_many(organisation.files())
    for command in (("sync",), ("status",), ("status", "--json"), ("doctor",)):
        result = run(*command, VOCAREUM_START_DATE="2090-01-01")
        assert result.exit_code == 2, (command, result.output)
        assert re.search(
            r"VOCAREUM_START_DATE is 2090-01-01, which is after today \(.{10}\): no day would be"
            r" loaded\. Set it to the first day to load, or remove it\.",
            result.output,
        ), (command, result.output)
        assert "Complete" not in result.output and "Traceback" not in result.output
    assert not (data / "warehouse.duckdb").exists()


def test_the_first_day_may_be_today_but_no_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VOCAREUM_ORG_ID", "9001")
    monkeypatch.setenv("VOCAREUM_API_TOKEN", "t0ken")
    monkeypatch.setenv("VOCAREUM_START_DATE", "2026-11-20")
    settings = Settings()
    assert require(settings, lambda: datetime(2026, 11, 20, tzinfo=UTC)) is settings
    with pytest.raises(SettingsError, match=r"2026-11-20, which is after today \(2026-11-19\)"):
        require(settings, lambda: datetime(2026, 11, 19, 23, 59, tzinfo=UTC))


def test_commands_that_load_nothing_work_with_a_first_day_in_the_future(run: Run, synced: Path):
    for command in (("query", "FROM ops.published"), ("findings",), ("report",), ("backup", "b")):
        result = run(*command, VOCAREUM_START_DATE="2090-01-01")
        assert result.exit_code == 0, (command, result.output)


def test_days_in_the_wrong_order_are_refused(run: Run):
    result = run("sync", "--since", "2026-11-20", "--until", "2026-11-10")
    assert (result.exit_code, "earlier day first" in result.output) == (2, True), result.output
