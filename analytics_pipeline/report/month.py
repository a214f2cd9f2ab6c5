"""The month to date, compared with last month, and its forecast. Pure functions."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from analytics_pipeline.report.data import Data, Row
from analytics_pipeline.report.figures import NOTHING, Figure, day, percent, usd
from analytics_pipeline.words import counted

TITLES = ("Month to date", "Last month, to the same day", "Forecast for the month")


def month_figures(data: Data) -> dict[str, list[Figure]]:
    """Return the figures of the month by scope."""
    forecasts = _forecasts(data)
    return {
        scope: _figures(data.row("months", scope), forecasts.get(keys, {}))
        for scope, keys in data.scopes.items()
    }


def _figures(month: Row, forecast: Row) -> list[Figure]:
    if not month or month["day"] is None:
        return [Figure(title, NOTHING, "no spend is loaded") for title in TITLES]
    newest = month["day"]
    until = f"1 to {day(newest)} (UTC), the newest complete day"
    return [Figure(TITLES[0], usd(month["spend"]), until), _before(month), _expected(forecast)]


def _before(month: Row) -> Figure:
    before = newest_before(month)
    if not month["is_known_from_first_day"]:
        return Figure(TITLES[1], NOTHING, "its first days are not loaded")
    if missing := month["days_before_unknown"]:
        return Figure(TITLES[1], NOTHING, f"{counted(missing, 'day')} not loaded")
    whole = f"{usd(month['month_before'])} in all of {before}"
    if missing := month["month_before_unknown"]:
        whole = f"{counted(missing, 'day')} of {before} not loaded"
    if month["spend_before"] <= 0:
        return Figure(TITLES[1], usd(month["spend_before"]), whole)
    change = month["spend"] - month["spend_before"]
    sign = "+" if change >= 0 else "\N{MINUS SIGN}"
    return Figure(
        TITLES[1],
        usd(month["spend_before"]),
        f"{sign}{percent(abs(change), month['spend_before'])} now; {whole}",
    )


def newest_before(month: Row) -> str:
    """Return the previous month, such as `Oct 2026`."""
    return day(month["day"].replace(day=1) - timedelta(days=1)).split(" ", 1)[1]


def _expected(forecast: Row) -> Figure:
    if not forecast:
        return Figure(TITLES[2], NOTHING, "no forecast exists for this selection")
    if forecast["forecast"] is None:
        return Figure(TITLES[2], NOTHING, "a forecast needs seven days of spend")
    notes = ["the mean of the last 7 days' rate and of the same weekdays in 8 weeks"]
    if forecast["forecast_low"] is not None:
        notes.insert(
            0, f"{usd(forecast['forecast_low'])} to {usd(forecast['forecast_high'])} (80 % band)"
        )
    if forecast["error_percent"] is not None and forecast["days_left"]:
        days = counted(forecast["days_left"], "day")
        off = Decimal(forecast["error_percent"]).quantize(Decimal("0.1"))
        notes.append(
            f"past error {off} % over {days}, measured on {forecast['origins']:,} past days"
        )
    return Figure(TITLES[2], usd(forecast["forecast"]), "; ".join(notes))


def _forecasts(data: Data) -> Mapping[frozenset[str], Row]:
    """Return forecasts by the set of courses that they cover.

    Omits forecasts for courses outside of the page.
    """
    forecasts: dict[frozenset[str], Row] = {}
    fields = {"term": "term", "department": "department", "root_course": "root", "course": "key"}
    for row in data.figures["forecasts"]:
        if row["kind"] == "organisation":
            forecasts[data.scopes["all"]] = row
        elif field := fields.get(row["kind"]):
            keys = frozenset(
                course.key for course in data.courses if getattr(course, field) == row["scope_id"]
            )
            forecasts.setdefault(keys, row)
    return forecasts
