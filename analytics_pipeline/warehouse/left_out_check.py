"""The check `nothing_left_out`: delivered files that are recognised but not loaded."""

from collections.abc import Iterable, Sequence

from analytics_pipeline.datasets import DATASETS, Dataset
from analytics_pipeline.ingest.left_out import LeftOut, lines
from analytics_pipeline.warehouse.checks import Check, Kind, Severity

LEFT_OUT = "nothing_left_out"
"""Name of the check that reports delivered files that are not loaded."""


def left_out_check(dataset: Dataset, files: Sequence[LeftOut]) -> Check:
    """Return the verdict on a dataset; it fails if data may be missing."""
    said = lines(files)
    warned = [remedy for _, remedy in lines(file for file in files if file.warns)]
    return Check(
        name=LEFT_OUT,
        subject=dataset.table,
        kind=Kind.FEED,
        severity=Severity.WARN,
        passed=not warned,
        violations=None,
        text="\n".join(text for text, _ in said) or "No delivered file is left out.",
        remedy="\n".join(dict.fromkeys(warned)),
    )


def left_out_checks(files: Iterable[LeftOut]) -> list[Check]:
    """Return the verdict on every dataset with days or months; a snapshot leaves nothing out."""
    found = list(files)
    return [
        left_out_check(dataset, [file for file in found if file.dataset == name])
        for name, dataset in DATASETS.items()
        if dataset.period
    ]
