"""Labels of an asset in the Dagster UI: its code location, and whether it holds personal data."""

from pathlib import Path
from typing import Any

import dagster as dg


def code_reference(file: Path) -> dict[str, Any]:
    """Return the metadata with the file that declares an asset."""
    reference = dg.LocalFileCodeReference(
        file_path=str(file), line_number=1, label=f"{file.parent.name}/{file.name}"
    )
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}


def pii_tag(*, is_personal: bool) -> dict[str, str]:
    """Return the tag of assets with names, emails or texts of people; empty for others."""
    return {"pii": "true"} if is_personal else {}
