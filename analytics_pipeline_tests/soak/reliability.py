"""The reliability table: figures that the long suites record, printed as the table of
docs/reliability.md.

`python -m analytics_pipeline_tests.soak.reliability` prints the figures of the last runs.
"""

import json
import sys
from pathlib import Path

NOTED = Path(__file__).parents[2] / ".artifacts" / "reliability.json"


def note(what: str, figure: str) -> None:
    """Record a figure after all its assertions have passed; a later run of the same suite replaces
    it.

    Args:
        what: the attack, such as `SIGKILL at a random moment of a sync`.
        figure: how often, and the result, such as
            `60 kills, 60 runs after them equal to an unbroken one`.
    """
    figures = noted() | {what: figure}
    NOTED.parent.mkdir(parents=True, exist_ok=True)
    NOTED.write_text(json.dumps(figures, indent=1, sort_keys=True))


def noted() -> dict[str, str]:
    """Return the recorded figures by attack."""
    return json.loads(NOTED.read_text()) if NOTED.exists() else {}


def table() -> str:
    """Return the figures as Markdown."""
    rows = [f"| {what} | {figure} |" for what, figure in sorted(noted().items())]
    return "\n".join(["| trial | result |", "|---|---|", *rows])


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
