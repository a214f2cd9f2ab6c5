"""Small files whose versions may be held, and what the warehouse records of them."""

from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.settings import Settings
from analytics_pipeline_tests.support.deliveries import HEADER
from analytics_pipeline_tests.support.loaded_warehouse import Warehouse

GRADES, ROSTER = "grades/course{}/grades.csv", "enrollment/course{}/enrollment.csv"
AWS, AZURE = (
    "cloud_spend/aws_cost_2026-01-{:02}.csv",
    "cloud_spend/azure/azure_cost_2026-01-{:02}.csv",
)
LABS = "lab_sessions/lab_sessions_2026-01-{:02}.csv"
SPEND = "service_spend/service_spend_2026-01.csv"


def scores(students: int, course: int = 200) -> str:
    rows = (
        f"{course}, C, 7, A, 0, 10, {user}, , 9, 0, 8, P, 9, 1, R, 9, 5\n"
        for user in range(1, students + 1)
    )
    return HEADER["grades"] + "".join(rows)


def roster(students: int, course: int = 200) -> str:
    rows = (f"{user}, {course}, student, N, a@b, k, 1, 0, 1,\n" for user in range(1, students + 1))
    return HEADER["enrollment"] + "".join(rows)


def aws(cost: float, updated: str = "1645823566") -> str:
    return HEADER["aws_cost"] + f"123456789012, 1, u@v.com, 7, lab, {cost}, {updated}\n"


def azure(cost: float) -> str:
    return HEADER["azure_cost"] + f"1, u@v.com, 7, lab, 1, 2026, {cost}\n"


def load(
    warehouse: Warehouse, bodies: dict[str, str], etag: str = "e1", night: int = 0
) -> list[FileResult]:
    return warehouse.load(warehouse.deliver(bodies, etag, night))


def count(warehouse: Warehouse, table: str) -> int:
    ((rows,),) = warehouse.query(f"SELECT count(*) FROM {table}")
    return int(rows)


def events(warehouse: Warehouse) -> list[tuple]:
    return warehouse.query("SELECT partition, kind, held, closed_by FROM ops.absences ORDER BY ALL")


def settings_of(warehouse: Warehouse) -> Settings:
    return Settings(ANALYTICS_DATA_DIR=str(warehouse.path.parent))


def spend(*costs: str) -> dict[str, str]:
    rows = (
        f"123456789012, {user}, u@v.com, 200, 7, Amazon EC2, {cost}\n"
        for user, cost in enumerate(costs, start=1)
    )
    return {SPEND: HEADER["service_spend"] + "".join(rows)}


def sessions(day: int, *days: int) -> dict[str, str]:
    """Return a file of a day in January, with one session of an hour on each of some days."""
    rows = (
        f"{user}, u@v.com, 200, C, 7, A, 7, lab, VM, Jan-{at:02}-2026 9:00:00 am UTC,"
        f" Jan-{at:02}-2026 10:00:00 am UTC, 60, , , Jan-{at:02}-2026 9:00:00 am UTC,"
        f" Jan-{at:02}-2026 9:01:00 am UTC, 1, 0, 0, 10\n"
        for user, at in enumerate(days, start=1)
    )
    return {LABS.format(day): HEADER["lab_sessions"] + "".join(rows)}
