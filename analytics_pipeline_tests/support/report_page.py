"""A published file from hand-written rows, and a page opened and watched."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.publish import publish
from analytics_pipeline_tests.support.model_warehouse import WRITTEN, build_all

Connection = duckdb.DuckDBPyConnection


def published_with(
    folder: Path, fill: Callable[[Connection], object] = lambda _: None, *, pii: bool = False
) -> Path:
    """Return a published file of a warehouse that `fill` adds rows to; all models are built."""
    target = folder / "analytics.duckdb"
    with open_warehouse(folder / "warehouse.duckdb") as connection:
        connection.execute("SET threads TO 1")  # a second one costs more than it saves
        fill(connection)
        build_all(connection)
        publish(connection, target, pii=pii, without_marts=True)  # rows are put in without a ledger
    return target


def loaded(dataset: str, *days: date) -> list[dict[str, object]]:
    """Rows of ops.loaded_files for days of a dataset."""
    return [
        {
            "dataset": dataset,
            "partition": f"{day}",
            "period": day,
            "last_modified": WRITTEN,
            "rows": 1,
            "rejects": 0,
        }
        for day in days
    ]


@dataclass
class Opened:
    """A page in the browser, and everything forbidden that it did."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def choose(self, value: str, of: str = "course") -> None:
        """Choose a value of a filter, and wait until everything is drawn for it."""
        self.page.select_option(f"#{of}", value)
        self.page.wait_for_function("() => document.documentElement.dataset.drawn === chosenNow()")

    def table(self, name: str) -> list[list[str]]:
        """The cells of a table's lines, as they are written."""
        rows = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        return self.page.locator(f"#table-{name} tbody tr").evaluate_all(rows)

    def saved(self, button: str) -> str:
        """What a button saves, as the file it downloads."""
        with self.page.expect_download() as download:
            self.page.locator(f'[data-saves="{button}"]').click()
        return Path(download.value.path()).read_bytes().decode("utf-8-sig")

    def marks(self, chart: str) -> int:
        """Count the visible shapes that a chart draws for data: inside the picture, and not too
        small.
        """
        return self.page.evaluate(
            """(chart) => {
                const picture = document.querySelector(`#${chart} .plot:not([hidden]) svg`);
                if (!picture) return 0;
                const whole = picture.getBoundingClientRect();
                const seen = (box) => box.width * box.height > 0.5
                    && box.left < whole.right && box.right > whole.left
                    && box.top < whole.bottom && box.bottom > whole.top;
                const marks = picture.querySelectorAll(
                    ".role-mark.mark-rect path, .role-mark.mark-symbol path,"
                    + " .role-mark.mark-line path");
                return [...marks].filter((mark) => seen(mark.getBoundingClientRect())).length;
            }""",
            chart,
        )

    def shapes(self, chart: str) -> str:
        return self.page.locator(f"#{chart} .plot").inner_html()

    def figures(self) -> list[str]:
        return self.page.locator("#key strong").all_inner_texts()


def open_report(browser: Any, report: Path, scheme: str = "light", width: int = 1280) -> Opened:
    """Open a report without a network; fail if it is not drawn in ten seconds."""
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, offline=True
    )
    opened = Opened(context.new_page())
    opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.page.on(
        "console", lambda said: opened.errors.append(said.text) if said.type == "error" else None
    )
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("dialog", lambda dialog: opened.errors.append(f"a dialog: {dialog.message}"))
    opened.page.goto(report.as_uri())
    opened.page.wait_for_selector("html[data-drawn]", timeout=30_000)
    return opened


def spend_of(opened: Any) -> dict[str, str]:
    """The spend of each course by its name, as the table of courses writes it."""
    return {line[0]: line[1] for line in opened.table("courses")}
