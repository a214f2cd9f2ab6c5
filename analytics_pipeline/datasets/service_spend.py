"""service_spend: AWS spend per service, accumulated over a month."""

from analytics_pipeline.datasets.columns import (
    Identifier,
    Money,
    Row,
    Text,
    aws_account,
    column,
    email,
    money,
    optional_id,
    user,
)
from analytics_pipeline.datasets.spec import Cadence, Dataset


class ServiceSpend(Row):
    """The month's spend of one account, user, course, part and AWS service."""

    aws_account_id: Text = aws_account("AWS id of the account; text, to keep leading zeros.")
    user_id: Identifier = user("Vocareum id of the user.")
    user_email: Text = email("Email of the user on Vocareum.")
    course_id: Identifier = optional_id("Vocareum id of the course.", essential=True)
    part_id: Identifier = column("Vocareum id of the part.", null=False, gt=0)
    service: Text = column("Name of the AWS service.", null=False)
    cost: Money = money("US dollars spent on the service in the month so far.")


DATASET = Dataset(
    name="service_spend",
    description=(
        "AWS spend per service, accumulated over a month. Only the file name holds the month."
    ),
    model=ServiceSpend,
    key=r"service_spend/service_spend_(?P<year>\d{4})-(?P<month>\d{1,2})\.csv",
    cadence=Cadence.MONTHLY,
    row_key=("aws_account_id", "user_id", "course_id", "part_id", "service"),
    amount="cost",
)
