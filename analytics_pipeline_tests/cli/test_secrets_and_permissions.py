"""After runs that fail at every layer: no secret in any stored or printed byte, and no file that
others may read.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path

import pytest
from pydantic import SecretStr

from analytics_pipeline.demo.organisation import Organisation
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.notifier import Notifier, NotSent
from analytics_pipeline.settings import load_settings
from analytics_pipeline.vocareum.connect import open_bucket
from analytics_pipeline.vocareum.errors import VocareumError
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.soak.processes import Forked, command_line
from analytics_pipeline_tests.soak.states import open_to_others
from analytics_pipeline_tests.support.planted_secrets import (
    HOOK,
    Listener,
    chain,
    files_with,
    texts_with,
)

MAPPINGS = "course-asn_mapping"


@pytest.fixture
def secrets(demo: DemoVocareum, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The token, and every key and session token issued from here on."""
    planted = {demo.token}
    real = demo.api.issue

    def issue():
        issued = real()
        planted.update(value for value in astuple(issued) if isinstance(value, str))
        return issued

    monkeypatch.setattr(demo.api, "issue", issue)
    return planted


@pytest.fixture
def everything_logged() -> Iterator[Listener]:
    """Everything that any library logs, from DEBUG on."""
    root, listener = logging.getLogger(), Listener()
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    yield listener
    root.setLevel(before)
    root.removeHandler(listener)


@pytest.mark.slow
def test_no_secret_is_stored_or_printed_whatever_fails(
    run: Run,
    spawn: Callable,
    demo: DemoVocareum,
    organisation: Organisation,
    data: Path,
    secrets: set[str],
    everything_logged: Listener,
    monkeypatch: pytest.MonkeyPatch,
):
    said = everything_logged.texts
    monkeypatch.setenv("ALERT_WEBHOOK_URL", f"http://127.0.0.1:9/services/{HOOK}")

    def sync(*options: str, **changes: str) -> None:
        say("sync", *options, **changes)

    def say(*command: str, **changes: str) -> None:
        result = run(*command, **changes)
        said.extend([result.output, *chain(result.exception)])

    demo.put_many({key: body for key, body in organisation.files().items() if MAPPINGS in key})
    echo = f"you sent {demo.token}".encode()
    demo.fail_next(3, 500, body=echo)
    sync()
    demo.fail_next(
        1, 400, body=b'{"status": "error", "message": "Invalid Token ' + demo.token.encode() + b'"}'
    )
    sync()
    demo.put(f"org9001/{MAPPINGS}/asn_mapping.csv", b"<html>" + echo[:0] + b"denied</html>")
    demo.expire_credentials()
    demo.fail_next(40, 403, service="s3", body=b"<Error><Code>AccessDenied</Code></Error>")
    sync("--full")
    demo._s3.failures.clear()
    for token in list(secrets):
        demo.fail_next(
            2,
            400,
            service="s3",
            body=f"<Error><Code>ExpiredToken</Code><Token-0>{token}</Token-0></Error>".encode(),
        )
    sync("--full")
    demo._s3.failures.clear()
    sync("--full", VOCAREUM_BUCKET="nobodys-bucket")
    for command in (
        "doctor",
        "status",
        "quarantine list --records",
        "quarantine replay",
        "publish",
        "report",
    ):
        say(*command.split())
    sync()
    process = spawn("sync", "--full", RUST_LOG="trace", RUST_BACKTRACE="full")
    said.append(process.communicate()[0])

    assert len(secrets) > 4, "the test plants too little"
    assert {"warehouse.duckdb", "analytics.duckdb", "report.html", "landing"} <= {
        path.name for path in data.iterdir()
    }
    assert len(list((data / "dagster").rglob("*.db"))) > 0, "Dagster's storage is searched, too"
    assert any(text.startswith("botocore") for text in said), "the libraries log, and are heard"
    assert files_with(secrets | {HOOK}, data) == []
    assert texts_with(secrets | {HOOK}, said) == []


FAILURES = {
    "a token that is refused": lambda demo: demo.fail_next(
        1, 400, body=f"Invalid Token {demo.token}".encode()
    ),
    "an answer that is no JSON": lambda demo: demo.fail_next(
        1, 200, body=f"<p>{demo.token}</p>".encode()
    ),
    "a refusal that repeats the token": lambda demo: demo.fail_next(
        1, 200, body=json.dumps({"status": "error", "message": f"you sent {demo.token}"}).encode()
    ),
    "a redirect elsewhere": lambda demo: demo.fail_next(
        1, 302, headers=(("Location", f"http://localhost:9/?token={demo.token}"),)
    ),
    "S3 that repeats the session token": lambda demo: demo.fail_next(
        40,
        403,
        service="s3",
        body=f"<Error><Code>AccessDenied</Code><Message>{_tokens(demo)}</Message></Error>".encode(),
    ),
}


def _tokens(demo: DemoVocareum) -> str:
    return " ".join(value for value in astuple(demo.api.issue()) if isinstance(value, str))


@pytest.mark.parametrize("failure", FAILURES)
def test_no_secret_is_in_an_error_or_its_causes(
    environment: dict[str, str],
    demo: DemoVocareum,
    secrets: set[str],
    everything_logged: Listener,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    FAILURES[failure](demo)
    with pytest.raises(VocareumError) as raised:
        list(open_bucket(load_settings()).list())
    assert texts_with(secrets, chain(raised.value)) == []
    assert texts_with(secrets, everything_logged.texts) == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/services/", "http://hooks.example.org/", "https://127.0.0.1:x/"]
)
def test_the_webhooks_address_is_in_no_error_nor_log(everything_logged: Listener, address: str):
    with pytest.raises(NotSent) as raised:
        Notifier(SecretStr(address + HOOK), SecretStr(""), "http://127.0.0.1:3000").send("text")
    assert texts_with({HOOK}, chain(raised.value)) == []
    assert texts_with({HOOK}, everything_logged.texts) == []


@pytest.mark.thorough
def test_all_files_are_private_whatever_the_umask(
    environment: dict[str, str],
    demo: DemoVocareum,
    organisation: Organisation,
    data: Path,
    tmp_path: Path,
):
    demo.put_many({key: body for key, body in organisation.files().items() if MAPPINGS in key})
    export = tmp_path / "export"
    said = tmp_path / "output"
    for command in ("sync", "report", f"publish --parquet {export}", "erase --user-id 1 --yes"):
        # its umask is 0
        process = Forked(command_line, command.split(), environment, tmp_path, said)
        assert process.wait() == 0, said.read_text()
    assert {**open_to_others(data), **open_to_others(export)} == {}
    names = {path.name for path in data.iterdir()}
    assert {"warehouse.duckdb", "analytics.duckdb", "report.html", "landing", "dagster"} <= names
    assert list(export.glob("*.parquet")), "exports are looked at, too"
    assert list((data / "receipts").iterdir()), "receipts are looked at, too"
