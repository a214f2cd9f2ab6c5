"""Cells of a sound row, typed."""

import json
from pathlib import Path

from analytics_pipeline_tests.support.deliveries import HEADER, batch, reasons

EMPTIED = ", so the cell is left empty and its text kept in _extra"


def typed(folder: Path, name: str, column: str, *cells: str) -> list[object]:
    """Return what each cell becomes in that column of a sound row: its value, or the reasons for
    its rejection.

    An emptied cell is recognised by its warning, and its text must be in `_extra`.
    """
    sound = {
        "aws_cost": "862200000000, 5, a@b, 7, lab, 0.5, 1645823566",
        "grades": "1, C, 2, A, 0, 10, 3, , 5, 0, 4, P, 5, 6, R, 5, 8",
        "enrollment": "5, 6, student, N, a@b, k, 1, 0, 1, 2022-01-01",
        "lab_sessions": (
            "1, a@b, 2, C, 3, A, 4, P, VM, Feb-23-2022 9:40:20 pm UTC, Feb-23-2022 9:40:20 pm UTC,"
            " 0, , , , , , 1, 0, 9"
        ),
    }[name]
    headers = [head.strip().lower().replace(" ", "_") for head in HEADER[name].split(",")]
    headers = [
        head.replace("(min)", "min").replace("(mins)", "mins").replace("(ms)", "ms")
        for head in headers
    ]
    at = headers.index(column)
    rows = [[*sound.split(",")[:at], f'"{cell}"', *sound.split(",")[at + 1 :]] for cell in cells]
    read = batch(folder, name, HEADER[name] + "".join(",".join(row) + "\n" for row in rows))
    rejected: dict[int, list[str]] = {}
    for line, where, reason in reasons(read):
        rejected.setdefault(line, []).append(reason if where == column else f"{where}: {reason}")
    kept = {
        line: finding.reason
        for finding in read.files[0].findings
        for line in finding.lines
        if EMPTIED in finding.reason
    }
    lines = [line for line in range(2, len(cells) + 2) if line not in rejected]
    for line, value, extra in zip(lines, read.rows[column], read.rows["_extra"], strict=True):
        if line in kept:
            assert value is None
            assert column in json.loads(extra)
    values = iter(
        [
            [kept[line].removesuffix(EMPTIED)] if line in kept else value
            for line, value in zip(lines, read.rows[column], strict=True)
        ]
    )
    return [
        rejected[line] if line in rejected else next(values) for line in range(2, len(cells) + 2)
    ]
