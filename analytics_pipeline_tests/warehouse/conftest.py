"""The person whom tests erase."""

import pytest

from analytics_pipeline.settings import Settings
from analytics_pipeline_tests.support.erased_person import Someone, rows_of


@pytest.fixture
def someone(settings: Settings) -> Someone:
    """Return a student with a unique name who spent, was graded, and is a partner in another
    person's row.
    """
    [person, *_] = rows_of(
        settings,
        """SELECT userid, any_value(email), any_value(name) FROM raw.enrollment AS person
           WHERE userid IN (SELECT partnerid FROM raw.grades)
           AND userid IN (SELECT user_id FROM raw.lab_sessions)
             AND userid IN (SELECT user_id FROM raw.aws_cost)
             AND (SELECT count(DISTINCT userid) FROM raw.enrollment AS other
             WHERE other.name = person.name) = 1
           GROUP BY userid ORDER BY userid""",
    )
    return Someone(*person)
