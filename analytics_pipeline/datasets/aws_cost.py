"""aws_cost: AWS spend, accumulated per account, user and part."""

from analytics_pipeline.datasets.columns import (
    Identifier,
    Instant,
    Money,
    Row,
    Text,
    aws_account,
    column,
    email,
    label,
    money,
    personal_time,
    user,
)
from analytics_pipeline.datasets.spec import Cadence, Dataset


class AwsCost(Row):
    """The spend of one AWS account, user and part since the accumulation began."""

    aws_account_id: Text = aws_account(
        "AWS id of the account assigned to the user; text, to keep leading zeros."
    )
    user_id: Identifier = user("Vocareum id of the user.")
    user_email: Text = email("Email of the user on Vocareum.")
    part_id: Identifier = column("Vocareum id of the part.", null=False, gt=0)
    part_name: Text = label("Name of the part.")
    cost: Money = money("US dollars accumulated so far: never sum it over days.")
    file_updated_time: Instant = column(
        "When the file was updated (UTC); delivered as epoch seconds."
    )
    deactivation_date: Instant | None = personal_time(
        "When the AWS account was deactivated (UTC); not in every file."
    )


DATASET = Dataset(
    name="aws_cost",
    description=(
        "AWS spend accumulated per account, user and part: a day's spend is the value minus the"
        " previous one."
    ),
    model=AwsCost,
    key=r"cloud_spend/aws_cost_(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\.csv",
    cadence=Cadence.DAILY,
    row_key=("aws_account_id", "user_id", "part_id"),
    accumulates=True,
    dated_by="file_updated_time",
    amount="cost",
)
