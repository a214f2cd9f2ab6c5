"""What counts as missing: pure decisions on a listing, the ledger and counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from analytics_pipeline.ingest.absence import Kind, gone, reverted, shrunk
from analytics_pipeline.ingest.plan import ClassifiedListing, classify_listing
from analytics_pipeline.words import Words
from analytics_pipeline_tests.support.deliveries import delivery

LOADED_AT, LISTED_AT, NOW = (datetime(2026, 1, day) for day in (10, 11, 12))  # noqa: DTZ001
EARLIER = datetime(2026, 1, 9)  # noqa: DTZ001
COURSE_200, COURSE_300 = (
    "enrollment/course200/enrollment.csv",
    "enrollment/course300/enrollment.csv",
)


@dataclass
class Loaded:
    source_key: str
    dataset: str = "enrollment"
    partition: str = "200"
    etag: str = "e1"
    rows: int = 40
    last_modified: datetime = LOADED_AT
    loaded_at: datetime = LOADED_AT

    @property
    def place(self) -> tuple[str, str]:
        return self.dataset, self.partition


def listing(*keys: str) -> ClassifiedListing:
    return classify_listing([delivery(key) for key in keys], "org9001/")


def absent(
    placed: ClassifiedListing, *ledger: Loaded, listed: tuple[str, ...] = ("",)
) -> list[tuple[str, str]]:
    found, _ = gone(placed, listed, LISTED_AT, NOW, ledger)
    return [absence.place for absence in found]


def test_a_loaded_file_that_the_listing_lacks_is_gone_by_name_with_its_rows_and_a_remedy():
    ledger = [Loaded(f"org9001/{COURSE_200}")]
    found, delivered = gone(listing(COURSE_300), [""], LISTED_AT, NOW, ledger)
    (event,) = found
    assert (event.dataset, event.partition, event.kind, event.held) == (
        "enrollment",
        "200",
        Kind.GONE,
        False,
    )
    assert event.detail == "it is no longer delivered; the warehouse keeps its 40 rows"
    assert "analytics-pipeline close --dataset enrollment --partition 200" in event.remedy
    assert delivered == {("enrollment", "300")}


def test_a_delivered_file_is_not_gone_whatever_its_version_or_its_name():
    day = Loaded("org9001/lab_sessions/lab_sessions_2026-1-9.csv", "lab_sessions", "2026-01-09")
    placed = listing(COURSE_200, "lab_sessions/lab_sessions_2026-01-09.csv")
    assert absent(placed, Loaded(f"org9001/{COURSE_200}", etag="another"), day) == []


def test_a_partial_listing_says_nothing_about_files_it_does_not_cover():
    ledger = [
        Loaded(f"org9001/{COURSE_200}"),
        Loaded("org9001/lab_sessions/lab_sessions_2025-12-31.csv", "lab_sessions", "2025-12-31"),
        Loaded("org9001/lab_sessions/lab_sessions_2026-01-09.csv", "lab_sessions", "2026-01-09"),
    ]
    assert absent(listing(), *ledger, listed=("lab_sessions/lab_sessions_2026",)) == [
        ("lab_sessions", "2026-01-09")
    ]
    assert absent(listing(), *ledger, listed=()) == []
    assert len(absent(listing(), *ledger)) == 3


def test_a_file_loaded_after_the_listing_began_is_not_gone():
    assert absent(listing(), Loaded(f"org9001/{COURSE_200}", loaded_at=LISTED_AT)) == []
    assert absent(listing(), Loaded(f"org9001/{COURSE_200}", loaded_at=NOW)) == []


def test_a_file_whose_load_is_dated_in_the_future_is_gone_if_the_listing_lacks_it():
    ahead = Loaded(f"org9001/{COURSE_200}", loaded_at=NOW + timedelta(days=40))
    assert absent(listing(), ahead) == [("enrollment", "200")]


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        (40, 0, True),
        (1, 0, True),
        (40, 20, True),
        (40, 21, False),
        (4, 2, True),
        (2, 1, False),
        (0, 0, False),
        (0, 9, False),
    ],
)
def test_a_version_without_rows_or_with_half_of_them_may_not_replace_the_loaded_one(
    before: int, after: int, held: bool
):
    why = shrunk(before, after)
    assert (why is not None) is held
    assert why is None or f"the warehouse keeps its {before:,}" in why


def test_a_person_may_remove_most_rows_of_their_file_but_not_all():
    assert shrunk(9, 1, by_hand=True) is None
    assert "no rows to load" in str(shrunk(9, 0, by_hand=True))


@pytest.mark.parametrize(
    ("present", "detail"),
    [
        pytest.param([], "and the older one in its place has none", id="lacking"),
        pytest.param(
            [Loaded(COURSE_200, etag="e0", rows=30, last_modified=EARLIER, loaded_at=EARLIER)],
            "and the older one in its place has 30",
            id="an older version",
        ),
        pytest.param(
            [Loaded(COURSE_200, etag="e0", rows=30, loaded_at=EARLIER)],
            "and the older one in its place has 30",
            id="an older version of the same second",
        ),
    ],
)
def test_a_warehouse_that_lacks_a_version_of_the_replaced_one_is_an_older_one(
    present: list[Loaded], detail: str
) -> None:
    (event,) = reverted([Loaded(COURSE_200)], present, Words("the replaced one"))
    assert (event.kind, event.held, event.etag) == (Kind.REVERTED, False, "e1")
    assert event.detail.startswith("the replaced one has ")
    assert "40 rows" in event.detail
    assert event.detail.endswith(detail)
    assert "analytics-pipeline close --dataset enrollment --partition 200" in event.remedy


@pytest.mark.parametrize(
    "present",
    [
        pytest.param(Loaded(COURSE_200, loaded_at=EARLIER), id="the same version, loaded earlier"),
        pytest.param(
            Loaded(COURSE_200, etag="e2", last_modified=LISTED_AT, loaded_at=EARLIER),
            id="a later version, loaded while the clock was behind",
        ),
        pytest.param(
            Loaded(COURSE_200, etag="e0", last_modified=EARLIER, loaded_at=LISTED_AT),
            id="a hand-written file that went back to an earlier state",
        ),
    ],
)
def test_a_warehouse_with_the_same_or_a_later_version_is_no_older_one(present: Loaded) -> None:
    assert reverted([Loaded(COURSE_200)], [present], Words("the replaced one")) == []
