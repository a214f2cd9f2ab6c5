"""course_labels: the department and term of each course. A hand-written file."""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from analytics_pipeline.datasets.columns import Day, Identifier, Row, Text, column
from analytics_pipeline.datasets.spec import BY_HAND_PREFIX, Cadence, Dataset


class CourseLabel(Row):
    """Department and term of one course."""

    course_id: Identifier = column("Vocareum id of the course.", null=False, gt=0)
    department: Text = column("Department responsible for the course.")
    term: Text = column("Term of the course, such as `2026 fall`.")
    starts_on: Day = column("First UTC day of the course.", essential=True)
    ends_on: Day = column("Last UTC day of the course.", essential=True)

    @pa.dataframe_check(
        name="ends_not_before_start", description="ends_on must not be before starts_on"
    )
    def ends_not_before_start(cls, data: PolarsData) -> pl.LazyFrame:
        """Check that the course has at least one day."""
        return data.lazyframe.select((pl.col("ends_on") >= pl.col("starts_on")).fill_null(True))


DATASET = Dataset(
    name="course_labels",
    description="One row per course: its department, and its term with first and last day.",
    model=CourseLabel,
    key=BY_HAND_PREFIX + r"course_labels\.csv",
    cadence=Cadence.BY_HAND,
    row_key=("course_id",),
    key_is_unique=True,
    setting="COURSE_LABELS_FILE",
)
