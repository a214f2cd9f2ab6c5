"""Private values and secrets go the whole way once; then every byte that analysts, the UI or an
alert can see is searched.

Commands load and publish through jobs of a Dagster instance on disk, sensors run as in the daemon,
alerts go to a server on this machine, and one person is erased at the end. Each finding is a pair:
where, and which planted value.
"""

import base64
import json
import sqlite3
import subprocess
import threading
import zlib
from collections.abc import Callable, Container, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from traceback import format_exception
from urllib.parse import quote

import duckdb
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline.orchestration.definitions import build_definitions
from analytics_pipeline.orchestration.instance import open_instance
from analytics_pipeline.orchestration.pinger import NotPinged
from analytics_pipeline.settings import load_settings
from analytics_pipeline_tests.cli.conftest import COMMAND
from analytics_pipeline_tests.orchestration.conftest import Pipeline
from analytics_pipeline_tests.support.byte_search import Found, in_folder, search
from analytics_pipeline_tests.support.clocks import Clock
from analytics_pipeline_tests.support.planted_values import (
    KING,
    MARK,
    OF_KING,
    OF_OTHERS,
    files_without_header,
    first_files,
)

pytestmark = pytest.mark.thorough  # the tests of publishing and of erasing search less

TOKEN = f"{MARK}-token/of+an-org-admin"
HOOK = f"{MARK}-webhook/s3cr3t+part"
RECIPIENT = f"{MARK}-recipient-s3cr3t"
PING = f"{MARK}-ping-s3cr3t"
"""The secret parts of ALERT_WEBHOOK_URL, ALERT_URLS and PING_URL."""

PRIVATE = ("data/warehouse.duckdb", "data/landing/", "data/receipts/")
"""What only the pipeline's account sees. Everything else in the data folder is Dagster's, or
published."""

COMMANDS = (
    ("status",),
    ("doctor",),
    ("findings",),
    ("findings", "--json"),
    ("quarantine", "list"),
    ("quarantine", "list", "--json"),
    ("publish", "--parquet", "data/parquet"),
    ("report",),
    ("dictionary",),
    ("query", "FROM raw.enrollment"),
)


@dataclass
class Gone:
    """What the whole way left.

    Attributes:
        folder: the working folder, which holds the data folder.
        secrets: the planted secrets, by what they are.
        outputs: output of each command, bodies of alerts, and what Dagster stores and shows besides
            its files.
        places: names of the places that were searched.
        before: what was found before the erasure.
        after: what was found after it.
    """

    folder: Path
    secrets: dict[str, str]
    outputs: list[tuple[str, bytes]] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    before: set[Found] = field(default_factory=set)
    after: set[Found] = field(default_factory=set)

    def run(self, *command: str, code: Container[int] = (0, 1)) -> None:
        """Run a command in this process, and keep its output."""
        result = CliRunner().invoke(app, list(command))
        assert result.exit_code in code, (command, result.output, result.exception)
        self.outputs.append((f"output of {' '.join(command)}", result.output.encode()))

    def look(self) -> set[Found]:
        """Search everything."""
        pieces = [*in_folder(self.folder), *self.outputs]
        self.places |= {name for name, _ in pieces}
        return search(pieces, self.secrets | OF_KING | OF_OTHERS, MARK)


@contextmanager
def receiving(outputs: list[tuple[str, bytes]]) -> Iterator[str]:
    """Serve recipients of alerts on this machine, and yield their address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            outputs.append(("alert", self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(500)  # its reason is logged
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def same_credentials(demo: DemoVocareum, patched: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the one-hour credentials, and let the API issue these alone: a search for many would
    take long.
    """
    issued = demo.api.issue()
    patched.setattr(demo.api, "issue", lambda: issued)
    return {
        f"AWS {name}": value for name, value in asdict(issued).items() if isinstance(value, str)
    }


def go(demo: DemoVocareum, gone: Gone) -> None:
    """Deliver, load, publish, report, alert, and erase one person."""
    settings = load_settings()
    pipeline = Pipeline(
        demo, settings, open_instance(settings), build_definitions(settings), Clock()
    )
    try:
        demo.put_many(first_files() | files_without_header())
        demo.fail_next(
            1,
            400,
            body=json.dumps({"status": "error", "message": f"Invalid Token {TOKEN}"}).encode(),
        )
        gone.run("sync", code=(2,))
        assert pipeline.tick().run_requests, "the sensor sees the files"
        # Only in a process of its own do runs write what they log into Dagster's storage.
        process = subprocess.run([COMMAND, "sync", "--verbose"], capture_output=True)
        assert process.returncode == 1, process.stderr[-2_000:]
        gone.outputs.append(("output of sync --verbose", process.stdout + process.stderr))
        pipeline.tick("alerts")
        with pytest.raises(NotPinged) as refused:
            pipeline.tick("ping")
        gone.outputs.append(("failed ping", "".join(format_exception(refused.value)).encode()))
        repository = pipeline.definitions.get_repository_def()
        gone.outputs.append(
            ("definitions in the UI", serialize_value(RepositorySnap.from_def(repository)).encode())
        )
        gone.outputs.extend(
            (f"cursor of {name}", str(cursor).encode()) for name, cursor in pipeline.cursors.items()
        )
        for command in COMMANDS:
            gone.run(*command)
        gone.before = gone.look()
        gone.run("erase", "--user-id", str(KING), "--yes")
        gone.after = gone.look()
    finally:
        pipeline.instance.dispose()


@pytest.fixture(scope="module")
def gone(tmp_path_factory: pytest.TempPathFactory) -> Gone:
    """Everything that was found, and where it was searched."""
    gone = Gone(
        tmp_path_factory.mktemp("whole_way"),
        {"API token": TOKEN, "webhook": HOOK, "recipient": RECIPIENT, "ping": PING},
    )
    with (
        pytest.MonkeyPatch.context() as patched,
        DemoVocareum(token=TOKEN) as demo,
        receiving(gone.outputs) as address,
    ):
        patched.chdir(gone.folder)
        patched.delenv("PUBLISH_PII", raising=False)
        gone.secrets |= same_credentials(demo, patched)
        own = {
            "ANALYTICS_DATA_DIR": str(gone.folder / "data"),
            "VOCAREUM_START_DATE": "2026-01-01",
            "DAGSTER_HOME": "",
            "ALERT_WEBHOOK_URL": f"http://{address}/services/{HOOK}",
            "PING_URL": f"http://{address}/{PING}",
            "ALERT_URLS": f"json://{address}/{RECIPIENT}",
        }
        for name, value in {**demo.environment, **own}.items():
            patched.setenv(name, value)
        go(demo, gone)
    return gone


def test_the_search_finds_every_planted_value_where_it_belongs(gone: Gone):
    cells = {what for where, what in gone.before if where.startswith("data/warehouse.duckdb: ")}
    assert (OF_KING | OF_OTHERS).keys() - cells == {"email as LMS id in a file without a header"}, (
        "that file fails"
    )
    landed = {what for where, what in gone.before if where.startswith("data/landing/")}
    assert landed >= (OF_KING | OF_OTHERS).keys()
    assert {("data/warehouse.duckdb", what) for what in ("email", "name")} <= gone.before, (
        "bytes are searched, too"
    )


@pytest.mark.parametrize(
    "spelled",
    [
        lambda secret: f"<p>{secret.upper()}</p>".encode(),
        lambda secret: secret.encode("utf-16"),
        lambda secret: json.dumps({"cell": json.dumps(secret)}).encode(),
        lambda secret: quote(secret, safe="").encode(),
        lambda secret: base64.b64encode(b"Basic: " + secret.encode()),
    ],
    ids=["upper case", "UTF-16", "JSON in JSON", "in a URL", "base64"],
)
@pytest.mark.parametrize("secret", [TOKEN, "wJalrXUtnFEMI/K7MDENG"])
def test_the_search_knows_spellings(spelled: Callable[[str], bytes], secret: str):
    assert search([("here", spelled(secret))], {"secret": secret}, MARK) == {("here", "secret")}


def test_the_search_opens_what_is_compressed(tmp_path: Path):
    packed = zlib.compress(f'{{"email": "{TOKEN}"}}'.encode())
    with closing(sqlite3.connect(tmp_path / "runs.db")) as connection:
        connection.execute("CREATE TABLE snapshots (body)")
        connection.executemany(
            "INSERT INTO snapshots VALUES (?)", [[packed], [base64.b64encode(packed).decode()]]
        )
        connection.commit()
    duckdb.sql(
        f"COPY (SELECT '{TOKEN}' AS cell) TO '{tmp_path / 'mart.parquet'}' (COMPRESSION zstd)"
    )
    found = {where for where, _ in search(in_folder(tmp_path), {"token": TOKEN}, MARK)}
    assert {"runs.db: snapshots", "mart.parquet: cells"} <= found


def test_every_place_that_others_see_is_searched(gone: Gone):
    assert gone.places >= {
        "data/analytics.duckdb",
        "data/analytics.duckdb: raw.enrollment",
        "data/analytics.duckdb: history.enrollment",
        "data/analytics.duckdb: marts.lab_sessions",
        "data/analytics.duckdb: ops.failed_files",
        "data/analytics.duckdb: ops.checks",
        "data/analytics.duckdb: duckdb_columns",
        "data/report.html",
        "data/parquet/lab_sessions.parquet: cells",
        "data/dagster/history/runs.db: run_tags",
        "data/dagster/history/runs/index.db: event_logs",
        "data/dagster/schedules/schedules.db",
        "definitions in the UI",
        "cursor of alerts",
        *(f"output of {' '.join(command)}" for command in COMMANDS),
    }
    assert [path for path in gone.folder.rglob("compute_logs/*.err") if path.stat().st_size], (
        "no run logs anything"
    )
    alerts = [text for where, text in gone.outputs if where == "alert"]
    assert sum(b"the header lacks" in text for text in alerts) == 2


def test_nothing_private_is_where_analysts_the_ui_or_alerts_are(gone: Gone):
    private = (OF_KING | OF_OTHERS).keys()
    found = {(where, what) for where, what in gone.before | gone.after if what in private}
    assert sorted((where, what) for where, what in found if not where.startswith(PRIVATE)) == []


def test_no_secret_is_stored_or_printed_anywhere(gone: Gone):
    assert len(gone.secrets) == 7, (
        "the token, two recipients of alerts, the ping, and three parts of the AWS credentials"
    )
    assert (
        sorted((where, what) for where, what in gone.before | gone.after if what in gone.secrets)
        == []
    )


def test_nothing_of_an_erased_person_is_left_anywhere(gone: Gone):
    assert sorted((where, what) for where, what in gone.after if what in OF_KING) == []
    assert any(place.startswith("data/receipts/") for place in gone.places)
    kept = {what for where, what in gone.after if where.startswith("data/warehouse.duckdb: ")}
    assert kept == OF_OTHERS.keys() - {"email as LMS id in a file without a header"}, (
        "others lost something"
    )
