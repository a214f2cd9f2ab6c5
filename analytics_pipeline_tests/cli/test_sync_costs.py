"""Costs as real vendor exports hold them, from the CSV file to the published mart, by `sync`."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

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
HEADER = "AWS Account ID,User ID,User Email,Part ID,Part Name,Cost,File Updated Time\n"


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
    mapping = (
        "Org ID,Course ID,Assignment ID,Assignment Name,Part ID,Part Name,Parent Assignment"
        " ID,Parent Part ID\n"
    )
    demo.put(
        "org9001/course-asn_mapping/asn_mapping.csv", f"{mapping}9001,5,6,Lab,7,Lab,,\n".encode()
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
