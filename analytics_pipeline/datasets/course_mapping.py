"""course_mapping: the organisation's courses and the courses they were cloned from."""

from analytics_pipeline.datasets.columns import Identifier, Row, Text, column, label, optional_id
from analytics_pipeline.datasets.spec import Cadence, Dataset

KNOWN_CREATE_METHODS = [
    "Clone by Reference",
    "Clone by Value",
    "Clone",
    "Copy",
    "New",
    "Create",
    "LTI",
    "Import",
]
"""The vendor's article shows only `Clone by Reference`. An unknown method loads with a warning."""


class CourseMapping(Row):
    """One course of the organisation."""

    org_id: Identifier = optional_id("Vocareum id of the organisation.", essential=True)
    org_name: Text = label("Name of the organisation.")
    course_id: Identifier = column("Vocareum id of the course.", null=False, gt=0)
    course_name: Text = label("Name of the course.")
    create_method: Text = column(
        "How the course was created.", warn=True, isin=KNOWN_CREATE_METHODS
    )
    parent_course_id: Identifier = optional_id(
        "Course it was cloned from; may be outside the organisation, or deleted."
    )


DATASET = Dataset(
    name="course_mapping",
    description="The organisation's courses and the courses they were cloned from.",
    model=CourseMapping,
    key=r"course-asn_mapping/course_mapping\.csv",
    cadence=Cadence.SNAPSHOT,
    row_key=("course_id",),
)
