"""The texts of alerts: one per new incident, and one for what is resolved. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from analytics_pipeline.orchestration.alerting.incidents import Incident
from analytics_pipeline.words import named

LONGEST_ERROR = 1_500
ALARMS_NAMED = 12
"""Maximum number of a test's alarms in one message."""


def messages(
    before: Mapping[str, Incident], after: Mapping[str, Incident], ui_url: str, location: str = ""
) -> list[str]:
    """Return one text per new incident, and one for resolved failures and alarms each.

    Subjects with the same error share a text, and so do new alarms of a test.

    Args:
        before: the reported incidents.
        after: the open incidents.
        ui_url: URL of the Dagster UI, for links.
        location: the code location that each text names; empty if the instance has only one.
    """
    whose = f"{location}: " if location else ""
    same: dict[tuple[str, str], list[Incident]] = defaultdict(list)
    for subject, incident in after.items():
        if subject not in before:
            key = (incident.check, "") if incident.check else (incident.error, incident.partitions)
            same[key].append(incident)
    texts = [
        _alarmed(group, ui_url, whose) if group[0].check else _opened(group, ui_url, whose)
        for group in same.values()
    ]
    resolved = sorted(set(before) - set(after))
    failures = [subject for subject in resolved if not before[subject].check]
    alarms = [subject for subject in resolved if before[subject].check]
    for state, gone in (("failing", failures), ("open", alarms)):
        if gone:
            since = min(before[subject].since for subject in gone)
            texts.append(
                f":white_check_mark: {whose}Resolved: {', '.join(gone)} ({state} since {since})."
            )
    return texts


def _opened(group: Sequence[Incident], ui_url: str, whose: str) -> str:
    first = group[0]
    names = ", ".join(sorted(incident.subject for incident in group))
    about = f" ({first.partitions})" if first.partitions else ""
    link = f"\n{ui_url}/runs/{first.run_id}" if first.run_id else ""
    return (
        f":red_circle: {whose}{names}{about} failed, {first.since}.\n"
        f"{first.error[:LONGEST_ERROR]}{link}"
    )


def _alarmed(group: Sequence[Incident], ui_url: str, whose: str) -> str:
    alarms = [f"{incident.subject}: {incident.error}" for incident in group]
    lines = named(alarms, ALARMS_NAMED, "\n")
    return f":warning: {whose}{lines}\n{ui_url}/runs/{group[0].run_id}"
