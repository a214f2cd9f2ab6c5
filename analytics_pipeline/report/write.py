"""Write `report.html` from a published file."""

from pathlib import Path
from zoneinfo import ZoneInfo

from analytics_pipeline.report.clock import UTC
from analytics_pipeline.report.read import read
from analytics_pipeline.report.render import render
from analytics_pipeline.storage.atomic_write import replacing
from analytics_pipeline.storage.folders import make_export_folder
from analytics_pipeline.storage.store import FOLDER, KEPT, Store


def write_report(
    published: Path,
    target: Path,
    zone: ZoneInfo = UTC,
    course: int | None = None,
    cache_dir: Path | None = None,
    store: Store = FOLDER,
) -> Path:
    """Write the report of a published file, and replace the previous report.

    Args:
        published: the published file; it is opened read-only.
        target: the HTML file. A file of ours keeps its mode; a first one, and one that was 0600, is
            0600, or 0640 in a shared folder. A missing folder is created.
        zone: time zone of hours of the day; days of money stay UTC.
        course: id of the only course on the page; by default all courses.
        cache_dir: private folder in which the page's libraries are kept, once bundled.
        store: where readers on other machines find it.

    Returns:
        The target.

    Raises:
        ReportError: there is no published file, or tables are missing from it.
        OSError: the target can't be written. The previous report is unchanged.
        Superseded: the target is written, and the store has the report of a later published file.
        StoreFailed: the target is written, but is not the store's current version.
    """
    before = store.current(target.name)
    data = read(published, zone, course)
    page = render(data, cache_dir)
    make_export_folder(target.parent)
    with replacing(target) as fresh:
        fresh.write_text(page, encoding="utf-8")
    store.put(target, data.published_at, before)
    store.delete_before(target.name, KEPT)
    return target
