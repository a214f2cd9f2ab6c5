"""Charts of people: use of labs, scores, and students never seen.

They show only counts, never a person.
"""

import altair as alt

from analytics_pipeline.report import chart_forms
from analytics_pipeline.report.chart_forms import ADDITIVE, COUNTS, DOLLARS, EXACT, USD
from analytics_pipeline.report.charts.chart import Chart
from analytics_pipeline.report.data import Data
from analytics_pipeline.report.style import ACCENT, SURFACE

FROM_ZERO = alt.Scale(zero=True)
WEEK = 7 * 86_400_000


def student_spread(data: Data) -> Chart:
    """Draw students as counts in cells."""
    legend = alt.Legend(
        title="Students",
        symbolType="circle",
        symbolFillColor="var(--green)",
        tickCount=3,
        format="d",
        columns=4,
    )
    points = (
        chart_forms.rows("students")
        .transform_aggregate(
            people="sum(students)", groupby=["sessions_from", "sessions_to", "cost_from", "cost_to"]
        )
        .transform_calculate(
            x="(datum.sessions_from + datum.sessions_to) / 2",
            y="(datum.cost_from + datum.cost_to) / 2",
            sessions="datum.sessions_from + ' to under ' + datum.sessions_to",
            spend=(
                f"format(datum.cost_from, '{USD}') + ' to under ' + format(datum.cost_to, '{USD}')"
            ),
        )
        .mark_circle(color="var(--green)", opacity=0.75, aria=False)
        .encode(
            x=alt.X("x:Q", title="Sessions per student", axis=COUNTS, scale=FROM_ZERO),
            y=alt.Y("y:Q", title="US dollars per student", axis=DOLLARS, scale=FROM_ZERO),
            size=alt.Size("people:Q", legend=legend).scale(range=[12, 320], zero=True),
            tooltip=[alt.Tooltip("people:Q", title="students"), "sessions:N", "spend:N"],
        )
    )
    return Chart(
        name="student-spread",
        title="Spend against sessions, students",
        definition=(
            "Students of each course, including those who dropped or left it, counted in cells of"
            " sessions and US dollars over all time. Students with neither are omitted. Cells show"
            " only counts, never a person."
        ),
        data="students",
        where=ADDITIVE,
        drawing=chart_forms.sized(points, 300),
        missing="No student has a session or spend yet, or no enrollment is loaded.",
        keys=["sessions_from", "sessions_to", "cost_from", "cost_to"],
        values=["students"],
    )


def hours_against_score(data: Data) -> Chart:
    """Draw the number of students in cells of hours and score."""
    legend = alt.Legend(
        title="Students",
        symbolType="circle",
        symbolFillColor="var(--purple)",
        tickCount=3,
        format="d",
        columns=4,
    )
    points = (
        chart_forms.rows("hours_score")
        .transform_aggregate(
            people="sum(students)", groupby=["hours_from", "hours_to", "score_from", "score_to"]
        )
        .transform_calculate(
            x="(datum.hours_from + datum.hours_to) / 2",
            y="datum.score_from + 5",
            hours="datum.hours_from + ' to under ' + datum.hours_to",
            score="datum.score_from + ' to under ' + datum.score_to + ' %'",
        )
        .mark_circle(color="var(--purple)", opacity=0.75, aria=False)
        .encode(
            x=alt.X("x:Q", title="Hours in labs per student", axis=COUNTS, scale=FROM_ZERO),
            y=alt.Y("y:Q", title="Score, % of all assignments", axis=COUNTS, scale=FROM_ZERO),
            size=alt.Size("people:Q", legend=legend).scale(range=[12, 320], zero=True),
            tooltip=[alt.Tooltip("people:Q", title="students"), "hours:N", "score:N"],
        )
    )
    return Chart(
        name="hours-against-score",
        title="Hours against score, students",
        definition=(
            "Students of each course, counted in cells of lab hours and score, over all time"
            " regardless of the period. The score is in percent of the highest points of all"
            " assignments; missing submissions count as zero. Students without a session, and"
            " courses without scores, are omitted."
        ),
        data="hours_score",
        where=ADDITIVE,
        drawing=chart_forms.sized(points, 300),
        missing="No student has both lab hours and a score yet.",
        keys=["hours_from", "hours_to", "score_from", "score_to"],
        values=["students"],
    )


def active_weekly(data: Data) -> Chart:
    """Draw the number of people who use labs per week."""
    bars = (
        chart_forms.rows("active_weekly")
        .transform_calculate(
            until=f"datum.day + {WEEK}",
            when="'Week from ' + utcFormat(datum.day, '%a %d %b %Y')",
            others="datum.users - datum.students",
        )
        .mark_rect(stroke=SURFACE, strokeWidth=0.6, color=ACCENT, aria=False)
        .encode(
            x=chart_forms.time_axis(),
            x2="until:T",
            y=alt.Y("users:Q", title="People", axis=COUNTS, scale=FROM_ZERO),
            y2=alt.datum(0),
            tooltip=[
                chart_forms.day_tooltip(),
                alt.Tooltip("users:Q", title="active people", format=",.0f"),
                alt.Tooltip("students:Q", title="active students", format=",.0f"),
            ],
        )
    )
    return Chart(
        name="active-weekly",
        title="Active people by week",
        definition=(
            "People with a session that started, per week from Monday (UTC). A person in several"
            " courses counts once. The newest week may be incomplete; weeks at the edges of the"
            " period are shown in full."
        ),
        data="active_weekly",
        where=EXACT,
        what="sessions",
        is_weekly=True,
        drawing=chart_forms.sized(bars, 220),
        missing="No sessions yet: lab_sessions is not loaded.",
        keys=["day"],
        values=["users", "students"],
        wide=True,
    )


def never_seen(data: Data) -> Chart:
    """Draw the enrolled students without a successful session."""
    return Chart(
        name="never-seen",
        title="Students never seen",
        definition=(
            "Enrolled students without a successful session in the course, out of all enrolled"
            " students (pale): they never launched a lab, or all their launches failed. A student"
            " of several courses counts in each."
        ),
        data="course_totals",
        where=ADDITIVE,
        most=12,
        drawing=chart_forms.ranked(
            chart_forms.rows("course_totals"),
            "short",
            "never_seen",
            text="datum.never_seen + ' of ' + datum.students",
            rank=alt.SortField("place"),
            colour="var(--purple)",
            whole="students",
            tooltip=[
                alt.Tooltip("label:N", title="course"),
                alt.Tooltip("never_seen:Q", title="never seen"),
                alt.Tooltip("failed_only:Q", title="with failed launches only"),
                alt.Tooltip("students:Q", title="enrolled students"),
            ],
        ),
        missing="No enrollment is loaded, so nobody is known to be absent.",
        keys=["course"],
        values=["never_seen", "failed_only", "students"],
    )
