"""Hours of the day by the clock of a time zone; days of money stay UTC. Pure functions."""

from datetime import UTC as _UTC
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")
DAYS = 91


def clock_changes(zone: ZoneInfo, newest: date) -> list[tuple[datetime, int]]:
    """Return when the clock of a zone changed in the 13 weeks that end with a day.

    Args:
        zone: the time zone.
        newest: the last UTC day.

    Returns:
        From when on (UTC, naive, to the hour) the clock is how many minutes ahead of UTC: at the beginning, and for each change.
    """
    end = datetime.combine(newest + timedelta(days=1), time(), _UTC)
    changes: list[tuple[datetime, int]] = []
    for number in range(-DAYS * 24, 0):
        moment = end + timedelta(hours=number)
        offset = moment.astimezone(zone).utcoffset() or timedelta()
        minutes = round(offset.total_seconds() / 60)
        if not changes or changes[-1][1] != minutes:
            changes.append((moment.replace(tzinfo=None), minutes))
    return changes
