"""After runs that fail at every layer: no secret in any byte that is kept or said, and no file that others may read."""

import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import pytest

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import COMMAND, Run

MAPPINGS = "course-asn_mapping"


@pytest.fixture
def secrets(demo: DemoVocareum, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The token, and every key and session token that is handed out from here on."""
    planted = {demo.token}
    real = demo.api.issue

    def issue():
        issued = real()
        planted.update(one for one in astuple(issued) if isinstance(one, str))
        return issued

    monkeypatch.setattr(demo.api, "issue", issue)
    return planted


def test_no_secret_is_kept_or_said_whatever_fails(
    run: Run, spawn: Callable, demo: DemoVocareum, organisation: Organisation, data: Path, secrets: set[str]
):
    said = []

    def sync(*options: str, **changes: str) -> None:
        said.append(run("sync", *options, **changes).output)

    demo.put_many({key: body for key, body in organisation.files().items() if MAPPINGS in key})
    echo = f"you sent {demo.token}".encode()
    demo.fail_next(3, 500, body=echo)
    sync()
    demo.fail_next(1, 400, body=b'{"status": "error", "message": "Invalid Token ' + demo.token.encode() + b'"}')
    sync()
    demo.put(f"org9001/{MAPPINGS}/asn_mapping.csv", b"<html>" + echo[:0] + b"denied</html>")
    demo.expire_credentials()
    demo.fail_next(40, 403, service="s3", body=b"<Error><Code>AccessDenied</Code></Error>")
    sync("--full")
    demo._s3.failures.clear()
    for token in list(secrets):
        demo.fail_next(
            2, 400, service="s3", body=f"<Error><Code>ExpiredToken</Code><Token-0>{token}</Token-0></Error>".encode()
        )
    sync("--full")
    demo._s3.failures.clear()
    sync("--full", VOCAREUM_BUCKET="nobodys-bucket")
    said.append(run("doctor").output)
    said.append(run("status").output)
    sync()
    process = spawn("sync", "--full")
    said.append(process.communicate()[0])

    assert len(secrets) > 4, "the test plants too little"
    assert (data / "warehouse.duckdb").exists()
    assert len(list((data / "dagster").rglob("*.db"))) > 0, "Dagster's storage is searched, too"
    needles = [one.encode() for one in secrets]
    kept = [
        str(path) for path in data.rglob("*") if path.is_file() and any(one in path.read_bytes() for one in needles)
    ]
    assert kept == []
    assert [text for text in said if any(one in text for one in secrets)] == []


def test_all_files_are_private_whatever_the_umask(
    environment: dict[str, str], demo: DemoVocareum, organisation: Organisation, data: Path, tmp_path: Path
):
    demo.put_many({key: body for key, body in organisation.files().items() if MAPPINGS in key})
    done = subprocess.run(
        ["sh", "-c", 'umask 000 && exec "$0" sync', str(COMMAND)],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    open_to_others = {
        f"{path.relative_to(data)}: {stat.S_IMODE(path.stat().st_mode):o}"
        for path in [data, *data.rglob("*")]
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert open_to_others == set()
    names = {path.name for path in data.iterdir()}
    assert {"warehouse.duckdb", "analytics.duckdb", "landing", "dagster"} <= names
