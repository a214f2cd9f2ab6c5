"""Dependencies: every one is used, every use is declared, and every file is pinned by hash."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()

BEHIND = {
    "dagster-webserver": "`dagster dev` starts it",
    **dict.fromkeys(
        (
            "duckdb-extension-ducklake",
            "duckdb-extension-httpfs",
            "duckdb-extension-postgres-scanner",
        ),
        "`warehouse/lake.py` loads the extension by its path",
    ),
    "celery": "`celery worker` executes the runs (deploy/compose.workers.yaml)",
    "dagster-postgres": "deploy/dagster.yaml names its storage",
    "pyarrow": (
        "DuckDB hands rows to polars, and takes them from it, through it (`.pl()`, `register`)"
    ),
}
"""Dependencies that no module imports, with what needs them."""


def declared(requirements: list[str]) -> set[str]:
    return {plain(Requirement(requirement).name) for requirement in requirements}


def plain(name: str) -> str:
    """Return a distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


RUN = declared(PROJECT["project"]["dependencies"])
DEMO = declared(PROJECT["project"]["optional-dependencies"]["demo"])
LAKE = declared(PROJECT["project"]["optional-dependencies"]["lake"])
WORKERS = declared(PROJECT["project"]["optional-dependencies"]["workers"])
DEV = declared(PROJECT["dependency-groups"]["dev"])


def imported(folder: Path) -> dict[str, set[str]]:
    """Return distributions that the modules under a folder import, each with one of those
    modules.
    """
    owners = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        for name in _imports(ast.parse(path.read_text())):
            if name not in sys.stdlib_module_names and not (ROOT / name).exists():
                names = frozenset(map(plain, owners.get(name, [name])))
                found.setdefault(
                    sorted(names & (RUN | DEMO | LAKE | WORKERS | DEV) or names)[0], set()
                ).add(path.name)
    return found


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


PACKAGE = imported(ROOT / "analytics_pipeline")


def test_every_dependency_is_used():
    unused = (RUN | DEMO | LAKE | WORKERS) - PACKAGE.keys() - BEHIND.keys()
    assert unused == set(), "take it out of pyproject.toml, or say in BEHIND what needs it"


def test_every_import_is_declared():
    # Only mypy uses type stubs: they are imported under TYPE_CHECKING.
    undeclared = {
        name: where
        for name, where in PACKAGE.items()
        if name not in RUN | DEMO | LAKE | WORKERS | {"mypy-boto3-s3"}
    }
    assert undeclared == {}, (
        "it is there today because something else needs it, and may be gone tomorrow"
    )


def test_the_pipelines_dependencies_are_not_only_in_the_demo_extra():
    demo = imported(ROOT / "analytics_pipeline" / "demo")
    assert {
        name for name in PACKAGE.keys() & (DEMO - RUN) if PACKAGE[name] - demo.get(name, set())
    } == set()


@pytest.mark.parametrize("name", sorted(RUN | DEMO | LAKE | WORKERS | DEV))
def test_every_declared_dependency_is_in_the_lock(name: str):
    assert re.search(rf"^{re.escape(name)}(\[.*\])?==", LOCK, re.MULTILINE), "run `make lock`"


def test_every_requirement_in_the_lock_is_one_version_with_hashes():
    pinned = re.split(
        r"\n(?=[A-Za-z0-9])", re.sub(r"^\s*#.*\n", "", LOCK, flags=re.MULTILINE).strip()
    )
    assert len(pinned) > 100
    loose = [
        entry.split("\n")[0]
        for entry in pinned
        if not re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^ ]+ ", entry)
        or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)
    ]
    assert loose == []
    assert not re.search(
        r"https?://|^-|\bgit\+|file:",
        re.sub(r"--hash=\S+", "", LOCK).replace("\\\n", ""),
        re.MULTILINE,
    ), "an index, a path or a repository in the lock is a machine's own"


def test_setting_up_asks_for_the_hashes():
    makefile = (ROOT / "Makefile").read_text()
    setup = makefile[makefile.index(".venv/.ready:") :].split("\n\n")[0]
    installs = re.findall(r"pip (?:install|sync) .*", setup)
    assert len(installs) == 3, "uv, the lock, the project"
    assert all(
        "--require-hashes" in command or "--no-deps --no-build-isolation --editable ." in command
        for command in installs
    )
    assert "--require-hashes --requirement bootstrap.lock" in installs[0]
    assert re.search(r"pip sync.*--require-hashes requirements\.lock", makefile)
    assert re.search(r"^check:.*\baudit\b", makefile, re.MULTILINE), (
        "`make check` asks for known vulnerabilities"
    )


def test_installers_and_build_tools_are_pinned_by_hash_too():
    bootstrap = (ROOT / "bootstrap.lock").read_text()
    assert re.match(r"uv==[0-9.]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+\Z", bootstrap)
    backend = [
        plain(Requirement(requirement).name) for requirement in PROJECT["build-system"]["requires"]
    ]
    missing = [
        name for name in [*backend, "editables"] if not re.search(rf"^{name}==", LOCK, re.MULTILINE)
    ]
    assert missing == [], (
        "without an isolated build the environment must hold what builds the project"
    )


def run_ci(folder: Path, make: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run CI's script with a shell command in place of make."""
    for name, script in {"make": make, "chromium": ""}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", ROOT / ".ci" / "run"],
        env={**os.environ, **path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("tests", "code"), [("true", 0), ("false", 1)])
@pytest.mark.parametrize(
    "said", ["pip-audit: NOTHING WAS AUDITED: the index cannot be reached", None]
)
def test_the_last_lines_of_ci_say_what_was_not_audited(
    tmp_path: Path, tests: str, code: int, said: str | None
):
    audits = f"echo '{said}' | tee \"$AUDIT_REPORT\"" if said else "true"
    done = run_ci(
        tmp_path, f"case \"$*\" in *check*) {audits};; *) echo '400 passed'; {tests};; esac"
    )
    assert done.returncode == code
    assert "400 passed" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        said or "pip-audit: NOTHING WAS AUDITED: it did not run"
    )


@pytest.mark.parametrize(("passed", "runs"), [("100", True), ("1000", False)])
def test_a_slow_ci_leaves_out_the_expensive_tests_and_says_so_at_its_end(
    tmp_path: Path, passed: str, runs: bool
):
    done = run_ci(tmp_path, 'echo "made $*"', SECONDS=passed)
    assert done.returncode == 0, done.stderr
    assert ("made thorough" in done.stdout.splitlines()) is runs
    assert done.stdout.splitlines()[-1].startswith("make thorough: NOT RUN") is not runs


def test_ci_installs_the_wheel_with_both_ends_of_the_ranges():
    assert re.search(r"^make .*\bpackage\b", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert re.search(
        r"^package:.*\n\t.*\.ci/package\.py$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOUND = {"name": "duckdb", "version": "1.5.5", "vulns": []}
WEAK = {"name": "httpx", "version": "0.28.0", "vulns": [{"id": "PYSEC-2026-1"}]}
UNKNOWN = {"name": "polars", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "code", "words"),
    [
        ([SOUND, SOUND], 0, "2 of 2 packages audited, no known vulnerability"),
        ([SOUND, UNKNOWN], 0, "1 of 2 packages audited, no known vulnerability; 1 NOT AUDITED"),
        ([UNKNOWN, UNKNOWN], 0, "NOTHING WAS AUDITED: the index answers for none of 2 packages"),
        ([SOUND, WEAK, UNKNOWN], 1, "1 known vulnerabilities\nhttpx 0.28.0: PYSEC-2026-1"),
    ],
)
def test_an_audit_never_claims_more_than_it_checked(
    audit: ModuleType, packages: list, code: int, words: str
):
    got, said = audit.verdict({"dependencies": packages})
    assert got == code
    assert words in said


@pytest.mark.parametrize(
    "words",
    [
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(...)",
        (
            "Traceback (most recent call last):\n  File ...\nrequests.exceptions.ProxyError:"
            " HTTPSConnectionPool(...)"
        ),
        (
            "requests.exceptions.HTTPError: 503 ...\n\nTraceback"
            " ...\npip_audit._service.interface.ServiceError"
        ),
        (
            "ERROR:pip_audit._cli:Could not connect\nERROR:pip_audit._cli:Tip: your network may be"
            " blocking this service. Try"
        ),
    ],
)
def test_an_audit_without_an_index_says_that_nothing_was_audited(audit: ModuleType, words: str):
    code, said = audit.failed(words)
    assert (code, "NOTHING WAS AUDITED" in said) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "usage: pip-audit [-h]\npip-audit: error: unrecognized arguments",
        "pip_audit._service.interface.ServiceError: Received malformed version from PyPI: x",
        "requests.exceptions.ReadTimeout: once, and then\nKeyError: 'vulns'",
        "ERROR:pip_audit._cli:requirement httpx is missing hashes (ServiceError)",
    ],
)
def test_a_broken_audit_is_no_success(audit: ModuleType, words: str):
    code, said = audit.failed(words)
    assert code == 1
    assert words in said
