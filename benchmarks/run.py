"""`python -m benchmarks.run`: measure every row of the table, or some; writes RESULTS.md next to
itself.
"""

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import change_rows, feed_rows, rows
from benchmarks.report import results
from benchmarks.rows import Bench, Row

ROWS: dict[str, Callable[[Bench], Row | list[Row]]] = {
    "duckdb": rows.duckdb_row,
    "dlt": rows.dlt_rows,
    "bucket": feed_rows.bucket_row,
    "backfill": feed_rows.backfill_rows,
    "new-day": feed_rows.new_day_row,
    "history": feed_rows.history_row,
    "memory": rows.memory_row,
    "models": rows.models_row,
    "new-day-parts": change_rows.new_day_parts_rows,
    "flat": change_rows.flat_row,
    "growth": change_rows.growth_row,
    "grades": rows.grades_row,
    "bad-file": rows.bad_file_row,
}


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=ROWS, action="append", help="one row; may be given again")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use a tenth of the data, to check that every measurement runs",
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "analytics-pipeline-benchmarks"
    )
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    bench, load_before = Bench(given.work, given.repeats, given.quick), os.getloadavg()[1]
    kept = given.work / ("quick.json" if given.quick else "measured.json")
    measured = json.loads(kept.read_text()) if kept.exists() else {}
    for name in given.only or ROWS:
        try:
            found = ROWS[name](bench)
        except (RuntimeError, OSError) as error:
            sys.stderr.write(f"{name}: {error}\n{traceback.format_exc()}")
            found = Row(name, "", 0, None, detail="it failed: " + str(error).splitlines()[0][:200])
        measured[name] = [asdict(row) for row in (found if isinstance(found, list) else [found])]
        kept.write_text(json.dumps(measured, indent=1))
        sys.stdout.write(
            f"{name}: {[(row['measured'], row['more'], row['detail']) for row in measured[name]]}\n"
        )
        sys.stdout.flush()
    table = [
        Row(**row)
        for name in ROWS
        for row in measured.get(name) or [asdict(Row(name, "", 0, None))]
    ]
    target = (
        Path(__file__).with_name("RESULTS.md") if not given.quick else given.work / "RESULTS.md"
    )
    target.write_text(results(table, given.repeats, given.quick, load_before))
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main()
