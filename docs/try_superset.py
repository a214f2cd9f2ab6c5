"""Connect Apache Superset to a published file, in a separate environment, and compare what it
reads with DuckDB: `python docs/try_superset.py FILE`.

`--environment DIR` keeps the environment for later runs.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# Superset leaves out rich and cachetools, and fails with the newest Flask-Caching.
PACKAGES = [
    "apache-superset==6.1.0",
    "flask-caching==2.3.1",
    "rich",
    "cachetools",
    "duckdb==1.5.5",
    "duckdb-engine==0.17.0",
]
QUERY = "SELECT provider, sum(cost) AS cost FROM marts.spend_days GROUP BY ALL ORDER BY ALL"
URL = "duckdb:///{file}?access_mode=read_only"


def install(folder: Path) -> Path:
    """Create the environment if it is missing; return its folder of programs."""
    programs = folder / "bin"
    if not (programs / "superset").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(  # noqa: S603
            [uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True
        )
        subprocess.run(  # noqa: S603
            [uv, "pip", "install", "-q", "--python", str(programs / "python"), *PACKAGES],
            check=True,
        )
    return programs


def use(programs: Path, file: Path, folder: Path) -> None:
    """Make a Superset in the folder, with an administrator, and let it read the file."""
    password = secrets.token_urlsafe(24)
    config = folder / "superset_config.py"
    config.write_text(
        f"SECRET_KEY = {secrets.token_urlsafe(42)!r}\n"
        f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{folder / 'superset.db'}'\n"
    )
    environment = {
        **os.environ,
        "FLASK_APP": "superset",
        "SUPERSET_CONFIG_PATH": str(config),
        "SUPERSET_HOME": str(folder),
        "ADMIN_PASSWORD": password,
    }
    admin = [
        "--username",
        "admin",
        "--firstname",
        "A",
        "--lastname",
        "B",
        "--email",
        "admin@example.org",
    ]
    for command in (
        [programs / "superset", "db", "upgrade"],
        [programs / "superset", "fab", "create-admin", *admin, "--password", password],
        [programs / "superset", "init"],
        [programs / "python", __file__, "--inside", file],
    ):
        done = subprocess.run(  # noqa: S603
            list(map(str, command)), env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    sys.stdout.write(done.stdout)


def inside(file: Path) -> None:
    """Read the file through Superset's API as a person's clicks do: tables, columns with their
    comments, a chart, and SQL Lab.
    """
    import duckdb  # type: ignore[import-not-found,unused-ignore]
    from superset.app import create_app  # type: ignore[import-not-found,unused-ignore]

    client = create_app().test_client()

    def ask(path: str, **body: Any) -> Any:
        call = client.post if body else client.get
        found = call(f"/api/v1/{path}", headers=headers, **({"json": body} if body else {}))
        assert found.status_code in (200, 201), (path, found.status_code, found.json)
        return found.json

    headers: dict[str, str] = {}
    password = os.environ["ADMIN_PASSWORD"]
    token = ask("security/login", username="admin", password=password, provider="db")
    headers["Authorization"] = f"Bearer {token['access_token']}"
    headers["X-CSRFToken"] = ask("security/csrf_token/")["result"]
    url = URL.format(file=file)
    database = ask("database/", database_name="vocareum", sqlalchemy_uri=url)["id"]
    tables = ask(f"database/{database}/tables/?q=(schema_name:marts)")["result"]
    with duckdb.connect(str(file), read_only=True) as connection:
        expected = connection.execute(QUERY).fetchall()
        marts = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts' ORDER BY ALL"
        ).fetchall()
    assert {(table["value"],) for table in tables} >= set(marts), tables
    table = ask("dataset/", database=database, schema="marts", table_name="spend_days")["id"]
    columns = ask(f"dataset/{table}")["result"]["columns"]
    assert all(column["description"] for column in columns), "a column without its comment"
    sum_of_cost = {"expressionType": "SQL", "sqlExpression": "sum(cost)", "label": "cost"}
    query = {"columns": ["provider"], "metrics": [sum_of_cost], "orderby": [["provider", True]]}
    chart = ask("chart/data", datasource={"id": table, "type": "table"}, queries=[query])
    lab = ask("sqllab/execute/", database_id=database, sql=QUERY, runAsync=False)
    exact = [(provider, float(cost)) for provider, cost in expected]
    for answer in (chart["result"][0]["data"], lab["data"]):
        assert [(row["provider"], row["cost"]) for row in answer] == exact, answer
    sys.stdout.write(
        f"Superset lists {len(tables)} tables of marts and {len(columns)} comments of spend_days;"
        f" its chart and SQL Lab return {exact}, as DuckDB does.\n"
    )


def main() -> None:
    """Install Superset and let it read the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--environment", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.file)
        return
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(shutil.copy(given.file, Path(temporary, "analytics.duckdb")))
        programs = install((given.environment or Path(temporary, "environment")).absolute())
        use(programs, copy, Path(temporary))


if __name__ == "__main__":
    main()
