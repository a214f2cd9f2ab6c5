"""aws_cost: AWS spend, accumulated per account, user and part."""

from analytics_pipeline.datasets.columns import Identifier, Instant, Money, Privacy, Row, Text, column, email, user
from analytics_pipeline.datasets.spec import Cadence, Dataset


class AwsCost(Row):
    """The spend of one AWS account, user and part since the accumulation began."""

    aws_account_id: Text = column(
        "AWS id of the account assigned to the user; text, as it may begin with zeros.",
        null=False,
        privacy=Privacy.IDENTIFIER,
        rule="it must be digits alone",
        str_matches=r"^[0-9]+$",
    )
    user_id: Identifier = user("Vocareum id of the user.")
    user_email: Text = email("Email of the user on Vocareum.")
    part_id: Identifier = column("Vocareum id of the part.", null=False, gt=0)
    part_name: Text = column("Name of the part.")
    cost: Money = column("US dollars accumulated so far: never sum it over days.", null=False, ge=0)
    file_updated_time: Instant = column("When the file was updated (UTC); delivered as epoch seconds.")
    deactivation_date: Instant | None = column("When the AWS account was deactivated (UTC); not in every file.")


DATASET = Dataset(
    name="aws_cost",
    description="AWS spend accumulated per account, user and part: a day's spend is the value minus the previous one.",
    model=AwsCost,
    key=r"cloud_spend/aws_cost_(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\.csv",
    cadence=Cadence.DAILY,
    row_key=("aws_account_id", "user_id", "part_id"),
    accumulates=True,
    dated_by="file_updated_time",
)
