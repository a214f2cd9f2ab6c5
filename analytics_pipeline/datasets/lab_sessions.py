"""lab_sessions: one row per lab session."""

from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from analytics_pipeline.datasets.columns import (
    MOST_MINUTES,
    Count,
    Identifier,
    Instant,
    Number,
    Privacy,
    Row,
    Text,
    column,
    email,
    label,
    optional_id,
    personal_time,
    user,
)
from analytics_pipeline.datasets.spec import Cadence, Dataset, Excerpt

KNOWN_LAB_TYPES = ["Cloud", "Container", "Databricks", "VM"]
"""From the vendor's article. Its terms list four types and its prose three, so the list grows."""

DURATION_TOLERANCE_MINUTES = 1.0
"""Times are in whole seconds, the duration is not. Up to a minute of difference is rounding."""


_minutes: Any = {"in_range": {"min_value": 0, "max_value": MOST_MINUTES}}
_count: Any = {"in_range": {"min_value": 0, "max_value": 1_000_000}}


class LabSessions(Row):
    """One lab session: launched ("Start Lab"), started (machine runs), initialised (usable)."""

    user_id: Identifier = user("Vocareum id of the user.")
    user_email: Text = email("Email of the user on Vocareum.")
    course_id: Identifier = column("Vocareum id of the course.", null=False, gt=0)
    course_name: Text = label("Name of the course.")
    assignment_id: Identifier = optional_id("Vocareum id of the assignment.")
    assignment_name: Text = label("Name of the assignment.")
    part_id: Identifier = column("Vocareum id of the part.", null=False, gt=0)
    part_name: Text = label("Name of the part.")
    lab_type: Text = column(
        "Kind of lab: Cloud, Container, Databricks, VM; the list grows.",
        warn=True,
        isin=KNOWN_LAB_TYPES,
    )
    start_time: Instant = personal_time("When the machine was started (UTC).", essential=True)
    end_time: Instant = personal_time("When the lab was ended (UTC).", essential=True)
    duration_min: Number = column(
        "Length of the lab in minutes, as delivered (end_time - start_time).", **_minutes
    )
    log: Text = label("Event messages, such as START successful.", privacy=Privacy.PRIVATE)
    tags: Text = label("Used by Vocareum internally.", privacy=Privacy.PRIVATE)
    launch_time: Instant = personal_time("When Start Lab was clicked (UTC).", essential=True)
    init_time: Instant = personal_time("When the lab was ready to use (UTC).")
    launch_to_ready_duration_mins: Number = column(
        "Minutes from launch_time to init_time, as delivered.", **_minutes
    )
    concurrent_labs_count: Count = column(
        "Labs that the user already had running at launch.", **_count
    )
    disconnects: Count = column("How often the user was disconnected.", **_count)
    latency_time_ms: Number = column(
        "Estimated latency of the user's connection, in milliseconds.",
        in_range={"min_value": 0, "max_value": 86_400_000},
    )

    @pa.dataframe_check(
        name="end_not_before_start", description="end_time must not be before start_time"
    )
    def end_not_before_start(cls, data: PolarsData) -> pl.LazyFrame:
        """Require that a session ends after it starts."""
        return data.lazyframe.select(pl.col("end_time") >= pl.col("start_time"))

    @pa.dataframe_check(
        name="launch_not_after_end",
        description="launch_time should not be after end_time",
        raise_warning=True,
    )
    def launch_not_after_end(cls, data: PolarsData) -> pl.LazyFrame:
        """Warn about a launch after the end.

        The article's own example has one, so the row must load.
        """
        return data.lazyframe.select(pl.col("launch_time") <= pl.col("end_time"))

    @pa.dataframe_check(
        name="init_not_before_launch",
        description="init_time should not be before launch_time",
        raise_warning=True,
    )
    def init_not_before_launch(cls, data: PolarsData) -> pl.LazyFrame:
        """Warn about a lab that is ready before its launch."""
        return data.lazyframe.select(pl.col("init_time") >= pl.col("launch_time"))

    @pa.dataframe_check(
        name="duration_agrees",
        description="duration_min should agree with end_time - start_time",
        raise_warning=True,
    )
    def duration_agrees(cls, data: PolarsData) -> pl.LazyFrame:
        """Warn if the delivered duration differs from the times by more than a minute."""
        minutes = (pl.col("end_time") - pl.col("start_time")).dt.total_seconds() / 60
        delivered = pl.col("duration_min").cast(pl.Float64)
        return data.lazyframe.select((minutes - delivered).abs() <= DURATION_TOLERANCE_MINUTES)


END_REASON = Excerpt(
    "end_reason",
    "Why it ended, as the log says: Session Timer Expires, User Ended Lab, Instructor Ended Lab,"
    " Start Failed, other; NULL if the log has no end.",
    source="log",
    words={
        "(Session Timer Expires)": "Session Timer Expires",
        "(User Ended Lab)": "User Ended Lab",
        "(Instructor Ended Lab)": "Instructor Ended Lab",
        "START failed": "Start Failed",
        "END ": "other",
    },
)

DATASET = Dataset(
    name="lab_sessions",
    description=(
        "One row per lab session, of every lab type. A session over midnight may appear in two"
        " days' files."
    ),
    model=LabSessions,
    key=r"lab_sessions/lab_sessions_(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\.csv",
    cadence=Cadence.DAILY,
    row_key=("user_id", "course_id", "part_id", "launch_time", "start_time"),
    dated_by="launch_time",
    interval=("launch_time", "end_time"),
    length="duration_min",
    excerpts=(END_REASON,),
)
