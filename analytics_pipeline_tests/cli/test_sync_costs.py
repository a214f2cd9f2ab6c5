"""Costs as real vendor exports hold them, from the CSV file to the published mart, by `sync`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import YESTERDAY, Run

SERIES: Mapping[int, tuple[Sequence[str], str]] = {
    # user: accumulated values of four days, and the total spend
    1: (("100", "110", "109.99", "120"), "120"),
    2: (("100", "0", "100.5", "100.5"), "100.5"),
    3: (("100", "110", "3", "5"), "115"),
    # Each is as large as a single value may be; together they exceed the type of a single value.
    **dict.fromkeys(range(4, 124), (("0", "0", "0", "9999999"), "9999999")),
}
MAPPING = (
    "org_id,course_id,assignment_id,assignment_name,part_id,part_name,"
    "parent_assignment_id,parent_part_id\n"
)
HEADER = "AWS Account ID,User ID,User Email,Part ID,Part Name,Cost,File Updated Time\n"


@pytest.mark.thorough
def test_accumulated_costs_are_right_from_the_file_to_the_published_mart(
    demo: DemoVocareum, data: Path, run: Run
):
    days = [YESTERDAY - timedelta(days=n) for n in (4, 3, 2, 1)]
    for n, day in enumerate(days):
        rows = [
            f"{user:012d},{user},u@example.edu,7,Lab,{costs[n]},1773000000\n"
            for user, (costs, _) in SERIES.items()
        ]
        demo.put(f"org9001/cloud_spend/aws_cost_{day}.csv", (HEADER + "".join(rows)).encode())
    demo.put(
        "org9001/course-asn_mapping/asn_mapping.csv", f"{MAPPING}9001,5,6,Lab,7,Lab,,\n".encode()
    )
    result = run("sync")
    assert result.exit_code == 0, result.output
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as published:
        spent = dict(
            published.execute(
                "SELECT user_id, sum(cost) FROM marts.daily_cloud_spend GROUP BY 1"
            ).fetchall()
        )
        falls = published.execute(
            "SELECT user_id, fall FROM marts.daily_cloud_spend WHERE fall IS NOT NULL"
        ).fetchall()
        summary = published.execute("SELECT spend FROM marts.course_summary").fetchall()
    assert spent == {user: Decimal(total) for user, (_, total) in SERIES.items()}
    assert sorted(falls) == [(1, "dip"), (2, "dip"), (3, "restart")]
    assert summary == [(sum(Decimal(total) for _, total in SERIES.values()),)]


def put_bills_with_credits(demo: DemoVocareum) -> None:
    """Deliver three days of a closed month in which each cost report has credits.

    AWS reports 100, 60 and 90 for user 1 and -5.5 for user 2, its monthly report the same;
    Azure reports 30, then 25 for user 1 and -2.5 for user 3.
    """
    month = (YESTERDAY.replace(day=1) - timedelta(days=1)).replace(day=1)
    aws = {10: ["1,100"], 11: ["1,100", "1,-40"], 12: ["1,130", "1,-40", "2,-5.5"]}
    azure = {10: ["1,30"], 11: ["1,25"], 12: ["1,25", "3,-2.5"]}
    for day in aws:
        cells = [line.split(",") for line in aws[day]]
        rows = [f"{int(user):012d},{user},u@example.edu,7,Lab,{cost},\n" for user, cost in cells]
        key = f"org9001/cloud_spend/aws_cost_{month.replace(day=day)}.csv"
        demo.put(key, (HEADER + "".join(rows)).encode())
        cells = [line.split(",") for line in azure[day]]
        at = f"{month.month},{month.year}"
        rows = [f"{user},u@example.edu,7,Lab,{at},{cost}\n" for user, cost in cells]
        header = "user_id,user_email,part_id,part_name,month,year,monthly_cost_to_date\n"
        key = f"org9001/cloud_spend/azure/azure_cost_{month.replace(day=day)}.csv"
        demo.put(key, (header + "".join(rows)).encode())
    header = "aws_account_id,user_id,user_email,course_id,part_id,service,cost\n"
    bill = ["1,EC2,100", "1,Credits,-10", "2,Credits,-5.5"]
    rows = [
        f"{int(user):012d},{user},u@example.edu,5,7,{service},{cost}\n"
        for user, service, cost in (line.split(",") for line in bill)
    ]
    key = f"org9001/service_spend/service_spend_{month:%Y-%m}.csv"
    demo.put(key, (header + "".join(rows)).encode())
    demo.put(
        "org9001/course-asn_mapping/asn_mapping.csv", f"{MAPPING}9001,5,6,Lab,7,Lab,,\n".encode()
    )


@pytest.mark.thorough
def test_credits_of_all_three_cost_reports_are_in_every_published_sum(
    demo: DemoVocareum, data: Path, run: Run
):
    put_bills_with_credits(demo)
    result = run("sync")
    assert "Published: " in result.output, result.output
    aws, azure = Decimal("84.5"), Decimal("22.5")
    with duckdb.connect(str(data / "analytics.duckdb"), read_only=True) as published:

        def ask(sql: str) -> list[tuple]:
            return published.execute(sql).fetchall()

        by_provider = "SELECT provider, sum(cost) FROM marts.{} GROUP BY 1 ORDER BY 1"
        assert ask("SELECT sum(rejects) FROM ops.loaded_files") == [(0,)]
        broken = "SELECT name FROM ops.checks WHERE kind = 'model' AND severity = 'ERROR'"
        assert ask(f"{broken} AND NOT passed") == []
        for mart in ("daily_cloud_spend", "spend_days"):
            assert ask(by_provider.format(mart)) == [("aws", aws), ("azure", azure)], mart
        daily = (
            "SELECT cost, fall FROM marts.daily_cloud_spend WHERE provider = 'aws' AND user_id = 1"
        )
        assert ask(f"{daily} ORDER BY spend_date") == [(60, None), (0, "correction"), (30, None)]
        assert ask("SELECT spend FROM marts.course_summary") == [(aws + azure,)]
        assert ask("SELECT sum(cost) FROM marts.monthly_service_spend") == [(aws,)]
        reports = "SELECT service_total, account_increase FROM marts.spend_reconciliation"
        assert ask(f"{reports} ORDER BY aws_account_id") == [
            (90, 90),
            (Decimal("-5.5"), Decimal("-5.5")),
        ]
    told = json.loads(run("findings", "--json", "--warnings").output)
    credits_: Counter[str] = Counter()
    for finding in told:
        if "credit or refund" in finding["reason"]:
            credits_[finding["dataset"]] += finding["records"]
    assert credits_ == {"aws_cost": 3, "azure_cost": 1, "service_spend": 2}
