"""Hours of the day in a time zone. Days of spend stay UTC. Pure functions."""

from datetime import UTC as _UTC
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")
DAYS = 91


def clock_changes(zone: ZoneInfo, newest: date) -> list[tuple[datetime, int]]:
    """Return the changes of a time zone's UTC offset in the 13 weeks up to a day.

    Args:
        zone: the time zone.
        newest: the last UTC day.

    Returns:
        The offset in minutes at the start, and after each change: (first hour in UTC, naive;
        minutes ahead of UTC).
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
