"""An erasure that was interrupted is told by `status`, `sync` and `doctor` until it is finished."""

from pathlib import Path

import pytest

from analytics_pipeline.operations import erase_person
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.cli.conftest import Run, status_json


@pytest.mark.parametrize(
    "step",
    [
        "erase_rows",
        pytest.param("_build", marks=pytest.mark.thorough),
        pytest.param("_publish", marks=pytest.mark.thorough),
        pytest.param("private_file", marks=pytest.mark.thorough),
    ],
)
def test_an_interrupted_erasure_is_told_until_it_is_finished(
    run: Run, synced: Path, monkeypatch: pytest.MonkeyPatch, step: str
):
    with open_warehouse(synced / "warehouse.duckdb") as connection:
        [(user_id, email)] = connection.execute(
            "SELECT user_id, min(user_email) FROM raw.lab_sessions GROUP BY 1 ORDER BY 1 LIMIT 1"
        ).fetchall()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    erase = ("erase", "--user-id", str(user_id), "--yes")
    with monkeypatch.context() as broken:
        broken.setattr(erase_person, step, killed)
        assert run(*erase).exit_code != 0
    said = (
        f"The erasure of user {user_id} is not finished: run `analytics-pipeline erase --user-id"
        f" {user_id}` again."
    )
    for command in ("status", "doctor", "sync", "status"):
        told = run(command)
        assert told.exit_code == 1, (command, told.output)
        assert said in told.output, (command, told.output)
        assert "Complete." not in told.output
        assert email not in told.output
    assert "Incomplete: finish the erasure above." in told.output, "another sync does not help"
    found = status_json(run)[1]
    assert (found["complete"], found["unfinished_erasures"]) == (False, [user_id])

    assert run(*erase).exit_code == 0
    for command in ("status", "doctor", "sync", "status"):
        told = run(command)
        assert (told.exit_code, "is not finished" in told.output) == (0, False), told.output
