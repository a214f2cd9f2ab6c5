"""enrollment: the people of one course."""

from analytics_pipeline.datasets.columns import (
    Flag,
    Identifier,
    Instant,
    Person,
    Privacy,
    Row,
    Text,
    column,
    email,
    label,
    personal_time,
    user,
)
from analytics_pipeline.datasets.spec import Cadence, Dataset

KNOWN_ROLES = ["student", "teacher", "ta", "instructor", "grader", "admin", "observer"]
"""The vendor's article shows only `student`; the others are Vocareum's usual roles. An unknown role
loads with a warning."""


class Enrollment(Row):
    """One user in one course."""

    userid: Identifier = user("Vocareum id of the user.")
    courseid: Identifier = column("Vocareum id of the course.", null=False, gt=0)
    role: Text = column(
        "Role in the course; staff do not belong in student averages.", warn=True, isin=KNOWN_ROLES
    )
    # A name has no @. This check tells the article's shifted example row from an intact one.
    name: Text = label(
        "Name of the user.",
        privacy=Privacy.PRIVATE,
        person=Person.NAME,
        warn=True,
        rule="it should hold no @",
        str_matches=r"^[^@]*$",
    )
    email: Text = email("Email of the user on Vocareum.")
    client_key: Text = column("Key of the client system (LMS) the user came from.")
    client_userid: Text = column("Id of the user in the client system.", privacy=Privacy.IDENTIFIER)
    dropped: Flag = column("Whether the user dropped the course.", essential=True)
    organization_terms_agreed: Flag = column("Whether the user agreed to the organisation's terms.")
    organization_terms_agreed_date_utc: Instant = personal_time(
        "When the user agreed to the organisation's terms (UTC)."
    )


DATASET = Dataset(
    name="enrollment",
    description="One row per user in a course.",
    model=Enrollment,
    key=r"enrollment/course(?P<course_id>\d{1,18})/enrollment\.csv",
    cadence=Cadence.SNAPSHOT,
    row_key=("userid", "courseid"),
    dated_by="courseid",
)
