"""`marts.daily_cloud_spend`, and what it must hold by the truth of a simulated organisation."""

from collections import Counter

from analytics_pipeline.demo.organisation import Organisation

DAILY_SPEND = """SELECT spend_date, provider, aws_account_id, user_id, part_id, course_id, cost,
           days_covered, is_reset, is_first,
                  is_opening_balance, fall
           FROM marts.daily_cloud_spend"""


def expected_daily_spend(organisation: Organisation) -> Counter[tuple[object, ...]]:
    """Return the rows that `DAILY_SPEND` must find, by the organisation's truth."""
    columns = (
        "spend_date",
        "provider",
        "aws_account_id",
        "user_id",
        "part_id",
        "course_id",
        "cost",
        "days_covered",
        "is_reset",
        "is_first",
        "is_opening_balance",
        "fall",
    )
    return Counter(
        tuple(getattr(spend, column) for column in columns)
        for spend in organisation.truth.observable_daily_spend
    )
