"""Erasing a person everywhere: the order of the steps, such that a run killed between any two is completed by the next.

What each step does belongs in `ingest/erasure.py`, `warehouse/erase.py`, `sql_models/` and `warehouse/publish.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.ingest.erasure import People, Redacted, erase_in_file
from analytics_pipeline.loading import utc_now
from analytics_pipeline.settings import Settings
from analytics_pipeline.sql_models import build_and_test, load_project
from analytics_pipeline.vocareum.parts import private_file, remove_stale_parts
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline.warehouse.erase import Removed, compact, erase_rows, known_as, remember
from analytics_pipeline.warehouse.publish import publish


@dataclass(frozen=True)
class Receipt:
    """What was erased: counts, and no personal data but the id.

    Attributes:
        user_id: Vocareum id of the person.
        at: when (UTC).
        dry_run: whether it was only counted.
        release: of analytics-pipeline.
        tables: what was removed from each table of the warehouse.
        files: what was removed from each landed file, by its path in the landing folder.
        models_not_built: marts that failed to build; they are missing until they are mended.
    """

    user_id: int
    at: datetime
    dry_run: bool
    release: str
    tables: Mapping[str, Removed]
    files: Mapping[str, Redacted]
    models_not_built: tuple[str, ...] = ()

    def as_json(self) -> str:
        """The receipt as a JSON object."""
        return json.dumps(asdict(self), default=datetime.isoformat, indent=2)


def erase(settings: Settings, user_id: int, *, dry_run: bool) -> Receipt:
    """Erase a person from the landing folder, the warehouse and the published file, and keep them out.

    The person is remembered first, so that what other runs load meanwhile is without them; the landing folder comes
    before the warehouse, as the warehouse knows the emails by which damaged records are found.

    Args:
        settings: where everything lies.
        user_id: Vocareum id of the person.
        dry_run: count and change nothing.

    Raises:
        WarehouseBusy: others held the warehouse for too long.
        OSError: something can't be written; run it again.
    """
    with open_warehouse(settings.warehouse_path) as connection:
        if not dry_run:
            remember(connection, user_id, utc_now())
        person = known_as(connection, user_id)
    files = _erase_landed(settings.landing_dir, person, dry_run=dry_run)
    failed: tuple[str, ...] = ()
    with open_warehouse(settings.warehouse_path) as connection:
        tables = erase_rows(connection, person, dry_run=dry_run)
        if not dry_run:
            project = load_project()
            built, _ = build_and_test(connection, project, project.models.values(), utc_now())
            failed = tuple(one.model.qualified for one in built if one.failure)
            publish(connection, settings.published_path, pii=settings.publish_pii, without_marts=True)
    receipt = Receipt(user_id, utc_now(), dry_run, version("analytics-pipeline"), tables, files, failed)
    if not dry_run:
        compact(settings.warehouse_path)
        with private_file(receipt_path(settings, receipt)) as file:
            file.write(receipt.as_json().encode())
    return receipt


def receipt_path(settings: Settings, receipt: Receipt) -> Path:
    """Where a receipt is kept."""
    return settings.data_dir.absolute() / "receipts" / f"erased-{receipt.user_id}-{receipt.at:%Y%m%dT%H%M%SZ}.json"


def _erase_landed(folder: Path, person: People, *, dry_run: bool) -> dict[str, Redacted]:
    if not dry_run:
        remove_stale_parts(folder)
    found = {
        str(path.relative_to(folder)): erase_in_file(path, DATASETS[path.parent.name], person, dry_run=dry_run)
        for path in sorted(folder.glob("*/*.csv"))
        if path.parent.name in DATASETS
    }
    return {path: redacted for path, redacted in found.items() if redacted}
