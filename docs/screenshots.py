"""The README's pictures of report.html, taken by `make screenshots`.

Needs a Chromium; not part of the package.
"""

import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS = {
    "report": ("light", 1280, 1180),
    "report-dark": ("dark", 1280, 1180),
}
"""File name: scheme, width and height in CSS pixels."""


def main(report: Path, folder: Path) -> None:
    """Take every shot of a report."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for name, (scheme, width, height) in SHOTS.items():
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme
            )  # type: ignore[arg-type]
            page.on("console", lambda message: print(message.text))  # noqa: T201
            page.on("pageerror", lambda error: print(error))  # noqa: T201
            _open(page, report)
            target = folder / f"{name}.png"
            page.screenshot(path=target)
            Image.open(target).quantize(128).save(target, optimize=True)  # a third of the size
            page.close()
        browser.close()


def _open(page: Page, report: Path) -> None:
    page.goto(report.absolute().as_uri())
    page.wait_for_selector("html[data-drawn]")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
