"""The SQL that types the cells of a file, as a whole, so that a change of it is seen in review."""

from pathlib import Path

from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.datasets.cells import BLANKS
from analytics_pipeline.ingest.csv.header import Header
from analytics_pipeline.ingest.csv.typing_query import TypingQuery

GOLDEN = Path(__file__).with_name("typing_query.sql")


def rendered() -> str:
    """Return the query of a header with a missing, an unannounced and a surplus column."""
    names = ("user_id", "part_id", "region", "month", "year", "monthly_cost_to_date", "part_name")
    header = Header(names, names, simple=True, cells=len(names) + 1, line=1)
    sql = TypingQuery(DATASETS["azure_cost"], header).render("SELECT * FROM texts")
    sql = sql.replace(BLANKS, "BLANKS")
    for start in ("CASE", "CAST", "nullif"):
        sql = sql.replace(f", {start}", f",\n{start}")
    return sql.strip() + "\n"


def test_the_query_of_a_header_is_the_reviewed_one():
    assert rendered() == GOLDEN.read_text(), (
        "If the change is meant, write the file again:"
        " python -m analytics_pipeline_tests.ingest.test_typing_query"
    )


if __name__ == "__main__":
    GOLDEN.write_text(rendered())
