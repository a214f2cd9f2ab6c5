"""History of overwritten datasets: rows of `history.*` open when a file first brings them and close
when one lacks them.
"""

from datetime import timedelta

from analytics_pipeline_tests.support.deliveries import HEADER, KEYS
from analytics_pipeline_tests.support.loaded_warehouse import FIRST_NIGHT, Warehouse, difference

KEY = KEYS["enrollment"]


def people(*roles: tuple[int, str]) -> str:
    return HEADER["enrollment"] + "".join(
        f"{user}, 4051, {role}, N, a@b, k, 1, 0, 1,\n" for user, role in roles
    )


def history(warehouse: Warehouse) -> list[tuple[int, str, int, int | None]]:
    """Return user, role, and the nights from and to which the row was delivered."""
    rows = warehouse.query(
        "SELECT userid, role, valid_from, valid_to FROM history.enrollment ORDER BY ALL"
    )
    return [
        (user, role, (start - FIRST_NIGHT).days, (end - FIRST_NIGHT).days if end else None)
        for user, role, start, end in rows
    ]


def night(warehouse: Warehouse, number: int, body: str, key: str = KEY) -> None:
    warehouse.load(warehouse.deliver({key: body}, f"e{number}", night=number))


def test_rows_open_change_and_close_with_the_nights(warehouse: Warehouse):
    night(warehouse, 0, people((1, "student"), (2, "student")))
    night(warehouse, 1, people((1, "student"), (2, "ta")))
    night(warehouse, 2, people((2, "ta")))
    night(warehouse, 3, people((1, "student"), (2, "ta")))
    assert history(warehouse) == [
        (1, "student", 0, 2),
        (1, "student", 3, None),
        (2, "student", 0, 1),
        (2, "ta", 1, None),
    ]
    assert warehouse.query("SELECT userid, role FROM raw.enrollment ORDER BY ALL") == [
        (1, "student"),
        (2, "ta"),
    ]


def test_a_reload_or_the_same_content_rewritten_opens_and_closes_nothing(warehouse: Warehouse):
    night(warehouse, 0, people((1, "student"), (2, "student")))
    before = warehouse.contents()["history.enrollment"]
    for etag in ("e0", "another"):
        warehouse.load(
            warehouse.deliver({KEY: people((2, "student"), (1, "student"))}, etag, night=4)
        )
    assert warehouse.contents()["history.enrollment"] == before


def test_courses_do_not_touch_each_other(warehouse: Warehouse):
    other = "enrollment/course7/enrollment.csv"
    night(warehouse, 0, people((1, "student")))
    night(warehouse, 1, people((2, "student")), other)
    night(warehouse, 2, people((3, "student")), other)
    assert history(warehouse) == [
        (1, "student", 0, None),
        (2, "student", 1, 2),
        (3, "student", 2, None),
    ]


def test_a_column_that_vocareum_has_not_announced_is_followed_too(warehouse: Warehouse):
    header, *_ = people().splitlines()
    for at, seat in enumerate(("A1", "A1", "B2")):
        night(warehouse, at, f"{header}, Seat\n1, 4051, student, N, a@b, k, 1, 0, 1,, {seat}\n")
    seats = "SELECT _extra->>'Seat', valid_from, valid_to FROM history.enrollment ORDER BY ALL"
    changed = FIRST_NIGHT + timedelta(days=2)
    assert warehouse.query(seats) == [("A1", FIRST_NIGHT, changed), ("B2", changed, None)]


def test_a_failed_file_closes_nothing(warehouse: Warehouse):
    night(warehouse, 0, people((1, "student")))
    night(warehouse, 1, "<html>")
    assert history(warehouse) == [(1, "student", 0, None)]


def test_a_change_to_null_and_no_change_are_distinguished(warehouse: Warehouse):
    night(warehouse, 0, people((1, "")))
    night(warehouse, 1, people((1, "student")))
    night(warehouse, 2, people((1, "")))
    assert history(warehouse) == [(1, "student", 1, 2), (1, None, 0, 1), (1, None, 2, None)]


def test_history_never_runs_backwards_when_an_older_file_comes_late(warehouse: Warehouse):
    night(warehouse, 5, people((1, "student")))
    night(warehouse, 1, people((2, "student")))
    rows = warehouse.query("SELECT valid_from, valid_to FROM history.enrollment")
    assert all(end is None or start <= end for start, end in rows), rows
    assert max(start for start, _ in rows) == FIRST_NIGHT + timedelta(days=5)


def test_reverting_to_an_earlier_version_creates_no_overlapping_states(warehouse: Warehouse):
    for at in (1, 5, 1):
        night(warehouse, at, people((1, "student"), *([(2, "student")] if at == 1 else [])))
    rows = warehouse.query(
        "SELECT userid, valid_from, valid_to FROM history.enrollment ORDER BY ALL"
    )
    first, fifth = FIRST_NIGHT + timedelta(days=1), FIRST_NIGHT + timedelta(days=5)
    assert rows == [(1, first, None), (2, first, fifth), (2, fifth, None)]


def test_the_open_rows_equal_the_current_delivery(warehouse: Warehouse):
    for at in range(6):
        night(
            warehouse,
            at,
            people(
                *(
                    (user, "ta" if user % (at + 1) else "student")
                    for user in range(1, 9)
                    if user != at
                )
            ),
        )
        columns = (
            "userid, courseid, role, name, email, client_key, client_userid, dropped, _source_key"
        )
        raw = warehouse.query(f"SELECT {columns} FROM raw.enrollment ORDER BY ALL")
        assert raw == warehouse.query(
            f"SELECT {columns} FROM history.enrollment WHERE valid_to IS NULL ORDER BY ALL"
        )
    before = warehouse.contents()
    warehouse.load(
        warehouse.deliver(
            {
                KEY: people(
                    *((user, "ta" if user % 6 else "student") for user in range(1, 9) if user != 5)
                )
            },
            "e5",
            night=5,
        )
    )
    assert difference(before, warehouse.contents()) == {}, (
        "the last night, loaded again, changes nothing"
    )
