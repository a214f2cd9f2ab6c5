"""azure_cost: Azure spend, month to date per user and part."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from analytics_pipeline.datasets.columns import (
    Count,
    Identifier,
    Money,
    Row,
    Text,
    column,
    email,
    label,
    money,
    user,
)
from analytics_pipeline.datasets.spec import Cadence, Dataset


class AzureCost(Row):
    """The Azure spend of one user and part since the first of the month."""

    user_id: Identifier = user("Vocareum id of the user.")
    user_email: Text = email("Email of the user on Vocareum.")
    part_id: Identifier = column("Vocareum id of the part.", null=False, gt=0)
    part_name: Text = label("Name of the part.")
    month: Count = column(
        "Month of the spend, 1 to 12.", null=False, in_range={"min_value": 1, "max_value": 12}
    )
    year: Count = column(
        "Year of the spend.", null=False, in_range={"min_value": 2000, "max_value": 2100}
    )
    monthly_cost_to_date: Money = money(
        "US dollars since the first of the month; restarts monthly."
    )

    @pa.dataframe_check(
        name="month_not_ahead_of_file",
        description="the month must not begin more than a day after the file's day",
    )
    def month_not_ahead_of_file(cls, data: PolarsData) -> pl.LazyFrame:
        """Require a month that has begun by the day after the file's, as time zones may differ.

        A later month has no spend yet, and its row would pass for the newest spend of all. A number
        that is no month breaks the rule of its column.
        """
        newest = pl.col("file_date") + pl.duration(days=1)
        months = newest.dt.year() * 12 + newest.dt.month()
        month = pl.col("month")
        return data.lazyframe.select((month > 12) | (pl.col("year") * 12 + month <= months))


DATASET = Dataset(
    name="azure_cost",
    description=(
        "Azure spend month to date per user and part. Restarts every month; the last file is the"
        " month's bill."
    ),
    model=AzureCost,
    key=r"cloud_spend/azure/azure_cost_(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\.csv",
    cadence=Cadence.DAILY,
    row_key=("user_id", "part_id", "month", "year"),
    accumulates=True,
    amount="monthly_cost_to_date",
)
