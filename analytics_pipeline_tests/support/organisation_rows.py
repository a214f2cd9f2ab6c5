"""A small and a large simulated organisation, and the sound rows of their files."""

import csv
import io
from collections.abc import Iterator
from datetime import date

from analytics_pipeline.demo.organisation import Organisation, OrganisationSpec, normal_form

SMALL = Organisation(OrganisationSpec.small())
LARGE = Organisation(OrganisationSpec(days=60, students=120))


def rows(
    organisation: Organisation, prefix: str, as_of: date | None = None
) -> Iterator[tuple[date, dict[str, str]]]:
    """Return the sound rows of the daily or monthly files with that prefix, by column name."""
    truth = organisation.truth_as_of(as_of or organisation.spec.last_day)
    bad = {(row.key, row.record) for row in truth.planted}
    for key, body in sorted(organisation.files(as_of).items()):
        if key.startswith(f"org9001/{prefix}_2"):
            text = io.StringIO(body.decode("utf-8-sig", errors="surrogateescape"), newline="")
            header, *records = csv.reader(text, skipinitialspace=True)
            day = date.fromisoformat(f"{key.rpartition('_')[2].removesuffix('.csv')}-01"[:10])
            for n, record in enumerate(records, 1):
                if (key, n) not in bad:
                    yield day, dict(zip(map(normal_form, header), record, strict=False))
