"""`make audit`: pip-audit over the lock, and an honest word on how much of it was looked at.

The words also go into the file AUDIT_SAYS, which CI prints at its end.

Exit codes: 0 no known weakness in what the index answered for, 1 a weakness, or pip-audit itself failed.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = ("--require-hashes", "--disable-pip", "--format", "json", "--requirement", "requirements.lock")
UNREACHABLE = re.compile(
    r"requests\.exceptions\.(ConnectionError|ProxyError|SSLError|ConnectTimeout|ReadTimeout)\b"  # nobody answered
    r"|pip_audit\._service\.interface\.ServiceError$"  # an HTTP error; what is wrong with an answer has words behind it
    r"|ERROR:pip_audit\._cli:Tip: your network may be blocking this service"
)
"""How the last line begins that pip-audit says before it gives up for want of an index."""


def verdict(report: dict[str, Any]) -> tuple[int, str]:
    """Exit code and words for what pip-audit reports."""
    packages = report["dependencies"]
    audited = [one for one in packages if "vulns" in one]
    weak = [f"{one['name']} {one['version']}: {weakness['id']}" for one in audited for weakness in one["vulns"]]
    left = len(packages) - len(audited)
    if weak:
        return 1, "\n".join([f"pip-audit: {len(weak)} known weaknesses", *weak])
    if not audited:
        return 0, f"pip-audit: NOTHING WAS AUDITED: the index answers for none of {len(packages)} packages"
    rest = f"; {left} NOT AUDITED, the index does not answer for them" if left else ""
    return 0, f"pip-audit: {len(audited)} of {len(packages)} packages audited, no known weakness{rest}"


def failed(words: str) -> tuple[int, str]:
    """Exit code and words where pip-audit gives no report: without an index nothing can be said, else it is broken."""
    if UNREACHABLE.match((words.strip().splitlines() or [""])[-1]):
        return 0, "pip-audit: NOTHING WAS AUDITED: the index cannot be reached"
    return 1, f"pip-audit failed:\n{words[-2_000:]}"


def main() -> int:
    """Run pip-audit and say what it found."""
    tool = Path(sys.executable).with_name("pip-audit")
    done = subprocess.run([str(tool), *COMMAND], capture_output=True, text=True, check=False)
    try:
        code, words = verdict(json.loads(done.stdout))
    except (ValueError, KeyError):
        code, words = failed(done.stderr)
    sys.stdout.write(words + "\n")
    if says := os.environ.get("AUDIT_SAYS"):
        Path(says).write_text(words + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
