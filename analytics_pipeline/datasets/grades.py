"""grades: scores of one course, one row per student and rubric."""

from analytics_pipeline.datasets.columns import (
    Count,
    Flag,
    Identifier,
    Instant,
    Number,
    Row,
    Text,
    column,
    label,
    optional_id,
    other_user,
    personal_time,
    points,
    user,
)
from analytics_pipeline.datasets.spec import Cadence, Dataset


class Grades(Row):
    """One rubric's score of one student; assignment and part scores repeat on every rubric row."""

    courseid: Identifier = column("Vocareum id of the course.", null=False, gt=0)
    coursename: Text = label("Name of the course.")
    asnid: Identifier = column("Vocareum id of the assignment.", null=False, gt=0)
    asnname: Text = label("Name of the assignment.")
    ispeerreviewon: Flag = column("Whether the assignment uses peer review grading.")
    maxscore: Number = points("Highest score a user can receive, in points.")
    userid: Identifier = user("Vocareum id of the user.")
    partnerid: Identifier = other_user("Vocareum id of the partner in a team assignment.")
    asnscore: Number = points(
        "Points received for the assignment; repeated on every rubric row.", essential=True
    )
    isoverride: Flag = column(
        "Whether a teacher overrode the score, which then may differ from the sum of its parts."
    )
    partid: Identifier = optional_id("Vocareum id of the part.", essential=True)
    partname: Text = label("Name of the part.")
    partscore: Number = points(
        "Points received for the part; repeated on every rubric row.", essential=True
    )
    rubricid: Identifier = optional_id(
        "Vocareum id of the rubric (grading criterion).", essential=True
    )
    rubricname: Text = label("Name of the rubric.")
    rubricscore: Number = points("Points received for the rubric.", essential=True)
    graderid: Identifier = other_user("Vocareum id of the grader.")
    submission: Count | None = column(
        "Number of the submission the row is for; not in every file.", essential=True, ge=0
    )
    submission_time: Instant | None = personal_time(
        "When the assignment was submitted (UTC); not in every file."
    )


DATASET = Dataset(
    name="grades",
    description=(
        "Scores, one row per student and rubric. Reduce to one row per student and assignment"
        " before summing."
    ),
    model=Grades,
    key=r"grades/course(?P<course_id>\d{1,18})/grades\.csv",
    cadence=Cadence.SNAPSHOT,
    row_key=("courseid", "asnid", "userid", "partid", "rubricid", "submission"),
    dated_by="courseid",
)
