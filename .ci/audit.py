"""`make audit`: run pip-audit over the lock, and report honestly how much it covered.

The report also goes into the file AUDIT_REPORT, which CI prints at its end.

Exit codes: 0 no known vulnerability in the audited packages, 1 a vulnerability, or pip-audit itself
failed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = (
    "--require-hashes",
    "--disable-pip",
    "--format",
    "json",
    "--requirement",
    "requirements.lock",
)
UNREACHABLE = re.compile(
    # no response
    r"requests\.exceptions\.(ConnectionError|ProxyError|SSLError|ConnectTimeout|ReadTimeout)\b"
    # an HTTP error; other errors of the service add text
    r"|pip_audit\._service\.interface\.ServiceError$"
    r"|ERROR:pip_audit\._cli:Tip: your network may be blocking this service"
)
"""Start of the last line that pip-audit prints when it can't reach the index."""


def verdict(report: dict[str, Any]) -> tuple[int, str]:
    """Return exit code and text for a report of pip-audit."""
    packages = report["dependencies"]
    audited = [package for package in packages if "vulns" in package]
    weak = [
        f"{package['name']} {package['version']}: {weakness['id']}"
        for package in audited
        for weakness in package["vulns"]
    ]
    left = len(packages) - len(audited)
    if weak:
        return 1, "\n".join([f"pip-audit: {len(weak)} known vulnerabilities", *weak])
    if not audited:
        return (
            0,
            (
                f"pip-audit: NOTHING WAS AUDITED: the index answers for none of {len(packages)}"
                " packages"
            ),
        )
    rest = f"; {left} NOT AUDITED, the index does not answer for them" if left else ""
    return (
        0,
        (
            f"pip-audit: {len(audited)} of {len(packages)} packages audited, no known"
            f" vulnerability{rest}"
        ),
    )


def failed(words: str) -> tuple[int, str]:
    """Return exit code and text if pip-audit gave no report: the index is unreachable, or pip-audit
    is broken.
    """
    if UNREACHABLE.match((words.strip().splitlines() or [""])[-1]):
        return 0, "pip-audit: NOTHING WAS AUDITED: the index cannot be reached"
    return 1, f"pip-audit failed:\n{words[-2_000:]}"


def main() -> int:
    """Run pip-audit and report what it found."""
    tool = Path(sys.executable).with_name("pip-audit")
    done = subprocess.run([str(tool), *COMMAND], capture_output=True, text=True, check=False)
    try:
        code, words = verdict(json.loads(done.stdout))
    except (ValueError, KeyError):
        code, words = failed(done.stderr)
    sys.stdout.write(words + "\n")
    if report := os.environ.get("AUDIT_REPORT"):
        Path(report).write_text(words + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
