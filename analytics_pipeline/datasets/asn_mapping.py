"""asn_mapping: assignments, their parts, and the originals that they were copied from."""

from analytics_pipeline.datasets.columns import Identifier, Row, Text, column, label, optional_id
from analytics_pipeline.datasets.spec import Cadence, Dataset


class AsnMapping(Row):
    """One part of an assignment. Maps the part ids in the costs to courses."""

    org_id: Identifier = optional_id("Vocareum id of the organisation.", essential=True)
    course_id: Identifier = column("Vocareum id of the course.", null=False, gt=0)
    assignment_id: Identifier = column("Vocareum id of the assignment.", null=False, gt=0)
    assignment_name: Text = label("Name of the assignment.")
    part_id: Identifier = column("Vocareum id of the part.", null=False, gt=0)
    part_name: Text = label("Name of the part.")
    parent_assignment_id: Identifier = optional_id(
        "Assignment it was copied from; may be outside the organisation."
    )
    parent_part_id: Identifier = optional_id(
        "Part it was copied from; may be outside the organisation."
    )


DATASET = Dataset(
    name="asn_mapping",
    description="Assignments and their parts, and the assignments and parts they were copied from.",
    model=AsnMapping,
    key=r"course-asn_mapping/asn_mapping\.csv",
    cadence=Cadence.SNAPSHOT,
    row_key=("course_id", "assignment_id", "part_id"),
)
