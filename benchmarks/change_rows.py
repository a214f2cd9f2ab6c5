"""Rows of the table about what a new day costs, beside the whole history."""

import json
import shutil
from pathlib import Path
from statistics import median

from benchmarks import data
from benchmarks.feed_rows import feed
from benchmarks.measure import alternate, measure, ratio
from benchmarks.rows import Bench, Row, landing, loaded, summary

PARTS = ("models", "tests", "publishing")


def new_day_parts_rows(bench: Bench) -> list[Row]:
    """Measure models, tests and publishing after one new day, by content, against a whole rebuild.

    CPU seconds within a process that loaded the day; each round adds one more day to both.
    """
    base, what = loaded(bench)
    measure(bench.subject("models", base, "no"))
    whole = shutil.copytree(base.parent, bench.fresh("new_day_whole"), dirs_exist_ok=True)
    landed, listings = _new_days(bench, bench.size(1_095, 100), bench.repeats + 1)
    seconds: dict[str, list[dict[str, float]]] = {"yes": [], "no": []}
    for listing in listings:
        for by_change, folder in (("yes", base.parent), ("no", whole)):
            files = folder / "warehouse.duckdb", folder / "analytics.duckdb"
            done = measure(bench.subject("new_days", *files, by_change, landed, listing))
            seconds[by_change].append(json.loads(done.output.splitlines()[-1]))
    # In the first round nothing is known: each of them makes everything.
    ours, theirs = (
        {part: median(round_[part] for round_ in seconds[way][1:]) for part in PARTS}
        for way in ("yes", "no")
    )
    name = "after one new day of 2,000 sessions, 2 M sessions and three years of costs loaded"
    return [
        Row(
            f"{' and '.join(parts)} {name}",
            "the same, all made whole",
            1 / 3 if parts == PARTS else 1,
            sum(ours[part] for part in parts) / sum(theirs[part] for part in parts),
            detail=", ".join(
                f"{way} {sum(took[part] for part in parts):.1f} s CPU"
                for way, took in (("by content", ours), ("whole", theirs))
            )
            + (f"; {what}" if parts == PARTS else ""),
        )
        for parts in (PARTS, *((part,) for part in PARTS))
    ]


def growth_row(bench: Bench) -> Row:
    """Measure the published file after many updates against the same file written whole."""
    days, updates = 180, bench.size(300, 5)  # a smaller file is always written whole
    folder = bench.fresh("growth")
    base = folder / "warehouse.duckdb"
    sessions = data.lab_folder(bench.work / f"lab_growth_{days}", days, 2_000)
    measure(bench.subject("load", *landing(bench, sessions), base))
    measure(bench.subject("models", base, "no"))
    landed, listings = _new_days(bench, days, updates, 100)
    subject = bench.subject("new_days", base, folder / "analytics.duckdb", "yes", landed, *listings)
    done = measure(subject)
    sizes = json.loads(done.output.splitlines()[-1])
    return Row(
        f"the published file after {updates} new days of 100 sessions, {days * 2_000:,} before",
        "the same file written whole",
        1.3,
        sizes["largest"] / sizes["whole"],
        detail=(
            f"{summary([done])}; the largest size of any update, {sizes['wholes']} written whole"
        ),
        more={"MB": sizes["largest"] / 1e6},
    )


def flat_row(bench: Bench) -> Row:
    """Measure a run with one new day and three loaded years against one with a loaded year."""
    years = {"org1": bench.size(365, 60), "org3": bench.size(1_095, 180)}
    with feed(bench, years) as [year, three]:
        long, short = alternate(bench.repeats, three.another_day, year.another_day)
    return Row(
        "a six-hourly run with three years of history",
        "one year of the same daily size",
        1.1,
        ratio(long, short),
        detail=f"three years {summary(long)}; one year {summary(short)}; files of 100 rows",
        more={"CPU": ratio(long, short, "cpu")},
    )


def _new_days(bench: Bench, first: int, count: int, rows: int = 2_000) -> tuple[Path, list[Path]]:
    """Return the days that follow, as if landed, and a listing of each."""
    folder = bench.work / f"new_days_{first}_{count}_{rows}"
    folder.mkdir(exist_ok=True)
    for day in data.days(first + count)[first:]:
        (folder / f"lab_sessions_{day}.csv").write_bytes(data.lab_sessions(day, rows))
    together, landed = landing(bench, folder)
    listings = []
    for number, entry in enumerate(json.loads(together.read_text())):
        listings.append(folder.with_name(f"{folder.name}_{number}.json"))
        listings[-1].write_text(json.dumps([entry]))
    return landed, listings
