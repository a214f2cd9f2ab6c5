"""A damaged database of Dagster's instance: every command names it, and `sync` rebuilds it."""

import os
from pathlib import Path

import pytest

from analytics_pipeline_tests.cli.conftest import Run, query, status_json

LEDGER = (
    'SELECT dataset, "partition", source_key, etag, loaded_at FROM ops.loaded_files ORDER BY ALL'
)


@pytest.mark.thorough
def test_every_command_names_a_damaged_database_and_its_remedy_loses_no_data(
    run: Run, synced: Path, tmp_path: Path
):
    file = synced / "dagster" / "history" / "runs.db"
    file.write_bytes(os.urandom(file.stat().st_size))
    before, named = query(synced, LEDGER), f"Dagster's database {file} is damaged. Stop Dagster's"

    status = run("status")
    assert (status.exit_code, named in status.output) == (1, True), status.output
    assert "daemon: unknown, as its heartbeats can't be read." in status.output
    assert "Incomplete: one of Dagster's databases is damaged, see above." in status.output
    code, found = status_json(run)
    assert (code, found["complete"], named in found["damaged"]) == (1, False, True)
    doctor = run("doctor")
    assert (doctor.exit_code, f"FAIL Dagster's databases: {named}" in doctor.output) == (2, True)

    assert run("backup", str(tmp_path / "copy")).exit_code == 0
    replay = ("quarantine", "replay", "--dataset", "enrollment")
    for command in (["sync"], ["restore", str(tmp_path / "copy")], ["daemon"], ["dev"], replay):
        done = run(*command)
        assert (done.exit_code, named in done.stderr) == (2, True), (command, done.output)
        assert "Traceback" not in done.output
    assert run("webserver").exit_code == 2
    assert "problems" in run("sync", "--json").output

    aside = tmp_path / "aside"
    aside.mkdir()
    for name in ("history", "schedules", "storage"):
        (synced / "dagster" / name).rename(aside / name)
    healed = run("sync")
    assert (healed.exit_code, "0 new, 0 changed" in healed.output) == (0, True), healed.output
    assert [row[:4] for row in query(synced, LEDGER)] == [row[:4] for row in before]
    status = run("status")
    assert (status.exit_code, "Complete." in status.output) == (0, True), status.output
