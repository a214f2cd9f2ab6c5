"""budgets: what an organisation, department, course or term may spend. A person writes the file."""

import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

from analytics_pipeline.datasets.columns import MOST_DOLLARS, Day, Money, Row, Text, column, label
from analytics_pipeline.datasets.spec import BY_HAND_PREFIX, Cadence, Dataset

SCOPES = ["organisation", "department", "course", "root_course", "term"]
_COURSES = ["course", "root_course"]
_AMOUNT = {"min_value": 0, "max_value": MOST_DOLLARS, "include_min": False}


class Budget(Row):
    """A limit on the spend of one scope within a period, or within each month of it."""

    scope: Text = column("Whose spend counts.", null=False, isin=SCOPES)
    id: Text = column(
        "Course id of a course or root_course, name of a department or term; empty for the organisation.",
        essential=True,
    )
    name: Text = label("Name of the budget, unique in the file.", null=False)
    starts_on: Day = column("First UTC day of the budget.", null=False)
    ends_on: Day = column("Last UTC day of the budget; a monthly one without it goes on.", essential=True)
    amount: Money = column(
        "US dollars of the whole period; of each month where repeat is monthly.", null=False, in_range=_AMOUNT
    )
    currency: Text = column(
        "Currency of amount and student_cap.",
        null=False,
        isin=["USD"],
        rule="it must be USD: the spend is in US dollars, and nothing is converted",
    )
    alert_at: Text = column(
        "Percent of the amount at which to send an alarm, such as `50;80;100`; empty means these three.",
        essential=True,
        rule="it must be whole percents with semicolons between them, such as 50;80;100",
        str_matches=r"^ *[1-9][0-9]{0,2}( *; *[1-9][0-9]{0,2})* *$",
    )
    student_cap: Money = column(
        "US dollars that one student may spend in a course within the period; empty for no cap.",
        essential=True,
        in_range=_AMOUNT,
    )
    repeat: Text = column(
        "monthly: the amount holds for each month; none or empty: for the period as a whole.",
        essential=True,
        isin=["monthly", "none"],
    )

    @pa.dataframe_check(
        name="id_fits_scope",
        description="id must be a course id for a course or root_course, a name for a department or term, and empty for the organisation",
    )
    def id_fits_scope(cls, data: PolarsData) -> pl.LazyFrame:
        """What an id means depends on the scope."""
        scope, id_ = pl.col("scope"), pl.col("id")
        return data.lazyframe.select(
            pl.when(scope == "organisation")
            .then(id_.is_null())
            .when(scope.is_in(_COURSES))
            .then(id_.str.contains("^[1-9][0-9]{0,17}$").fill_null(False))
            .otherwise(id_.is_not_null())
        )

    @pa.dataframe_check(name="ends_not_before_start", description="ends_on must not be before starts_on")
    def ends_not_before_start(cls, data: PolarsData) -> pl.LazyFrame:
        """A period has at least one day."""
        return data.lazyframe.select((pl.col("ends_on") >= pl.col("starts_on")).fill_null(True))

    @pa.dataframe_check(name="end_is_known", description="ends_on must be given unless repeat is monthly")
    def end_is_known(cls, data: PolarsData) -> pl.LazyFrame:
        """Only a monthly budget may go on without an end."""
        return data.lazyframe.select(pl.col("ends_on").is_not_null() | (pl.col("repeat") == "monthly").fill_null(False))


DATASET = Dataset(
    name="budgets",
    description="One row per budget: what the organisation, a department, course, clone family or term may spend.",
    model=Budget,
    key=BY_HAND_PREFIX + r"budgets\.csv",
    cadence=Cadence.BY_HAND,
    row_key=("name",),
    key_is_unique=True,
    setting="BUDGETS_FILE",
)
