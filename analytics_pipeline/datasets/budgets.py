"""budgets: spend limits of an organisation, department, course or term. A hand-written file."""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from analytics_pipeline.datasets.columns import MOST_DOLLARS, Day, Money, Row, Text, column, label
from analytics_pipeline.datasets.spec import BY_HAND_PREFIX, Cadence, Dataset

SCOPES = ["organisation", "department", "course", "root_course", "term"]
_COURSES = ["course", "root_course"]
_AMOUNT = {"min_value": 0, "max_value": MOST_DOLLARS, "include_min": False}


class Budget(Row):
    """A limit on the spend of one scope, per period or per month of the period."""

    scope: Text = column("Scope whose spend counts.", null=False, isin=SCOPES)
    id: Text = column(
        "Course id for course and root_course; name for department and term; empty for"
        " organisation.",
        essential=True,
    )
    name: Text = label("Name of the budget, unique in the file.", null=False)
    starts_on: Day = column("First UTC day of the budget.", null=False)
    ends_on: Day = column(
        "Last UTC day of the budget. Optional for a monthly budget, which then has no end.",
        essential=True,
    )
    amount: Money = column(
        "US dollars for the whole period, or for each month if repeat is monthly.",
        null=False,
        in_range=_AMOUNT,
    )
    currency: Text = column(
        "Currency of amount and student_cap.",
        null=False,
        isin=["USD"],
        rule="it must be USD: spend is in US dollars, and nothing is converted",
    )
    alert_at: Text = column(
        "Percentages of the amount that trigger an alarm, such as `50;80;100`, which is the"
        " default.",
        essential=True,
        rule="it must be whole percentages separated by semicolons, such as 50;80;100",
        str_matches=r"^ *[1-9][0-9]{0,2}( *; *[1-9][0-9]{0,2})* *$",
    )
    student_cap: Money = column(
        "US dollars that one student may spend in a course within the period; empty means no cap.",
        essential=True,
        in_range=_AMOUNT,
    )
    repeat: Text = column(
        "monthly: the amount applies to each month; none or empty: to the whole period.",
        essential=True,
        isin=["monthly", "none"],
    )

    @pa.dataframe_check(
        name="id_fits_scope",
        description=(
            "id must be a course id for a course or root_course, a name for a department or term,"
            " and empty for the organisation"
        ),
    )
    def id_fits_scope(cls, data: PolarsData) -> pl.LazyFrame:
        """Check that the id has the form that the scope requires."""
        scope, id_ = pl.col("scope"), pl.col("id")
        return data.lazyframe.select(
            pl.when(scope == "organisation")
            .then(id_.is_null())
            .when(scope.is_in(_COURSES))
            .then(id_.str.contains("^[1-9][0-9]{0,17}$").fill_null(False))
            .otherwise(id_.is_not_null())
        )

    @pa.dataframe_check(
        name="ends_not_before_start", description="ends_on must not be before starts_on"
    )
    def ends_not_before_start(cls, data: PolarsData) -> pl.LazyFrame:
        """Check that the period has at least one day."""
        return data.lazyframe.select((pl.col("ends_on") >= pl.col("starts_on")).fill_null(True))

    @pa.dataframe_check(
        name="end_is_known", description="ends_on must be given unless repeat is monthly"
    )
    def end_is_known(cls, data: PolarsData) -> pl.LazyFrame:
        """Check that only monthly budgets lack an end."""
        return data.lazyframe.select(
            pl.col("ends_on").is_not_null() | (pl.col("repeat") == "monthly").fill_null(False)
        )


DATASET = Dataset(
    name="budgets",
    description=(
        "One row per budget: the spend limit of the organisation, or of a department, course, clone"
        " family or term."
    ),
    model=Budget,
    key=BY_HAND_PREFIX + r"budgets\.csv",
    cadence=Cadence.BY_HAND,
    row_key=("name",),
    key_is_unique=True,
    setting="BUDGETS_FILE",
)
