"""Charts of lab use: sessions, waiting times, concurrency, and students never seen."""

import altair as alt

from analytics_pipeline.report import chart_forms
from analytics_pipeline.report.chart_forms import ADDITIVE, COUNTS, DOLLARS, EXACT, USD
from analytics_pipeline.report.charts.chart import Chart, by, by_course, money, per_bar
from analytics_pipeline.report.read import Data
from analytics_pipeline.report.style import ACCENT, OUTCOMES, PERCENTILES, SURFACE

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
FROM_ZERO = alt.Scale(zero=True)
WEEK = 7 * 86_400_000


def sessions_over_time(data: Data) -> Chart:
    """Draw sessions and failed launches."""
    return Chart(
        name="sessions-over-time",
        title="Sessions",
        definition=(
            f"Lab sessions per {per_bar(data)} of their start. Failed: launches whose machine never started. A gap means that "
            "no file was delivered, or that it has no sessions."
        ),
        data="sessions",
        what="sessions",
        where=ADDITIVE,
        drawing=chart_forms.over_time(
            chart_forms.rows("sessions"),
            "sessions",
            by("outcome", OUTCOMES),
            group="outcome",
            title="Sessions",
            tooltip=[alt.Tooltip("outcome:N"), alt.Tooltip("total:Q", title="sessions", format=",.0f")],
        ),
        missing="No sessions yet: lab_sessions is not loaded.",
        keys=["day", "outcome"],
        values=["sessions"],
        wide=True,
    )


def spend_against_sessions(data: Data) -> Chart:
    """Draw courses as points."""
    points = (
        chart_forms.rows("course_totals")
        .transform_filter("indexof(datum.course, 'other') !== 0")
        .mark_circle(aria=False)
        .encode(
            x=alt.X("sessions:Q", title="Sessions", axis=alt.Axis(format=",.0f", tickCount=5), scale=FROM_ZERO),
            y=alt.Y("cost:Q", title="US dollars", axis=DOLLARS, scale=FROM_ZERO),
            size=alt.Size("students:Q", legend=None).scale(range=[60, 900], zero=True),
            color=by_course(data),
            opacity=alt.condition("datum.chosen", alt.value(0.85), alt.value(0.15)),
            tooltip=[alt.Tooltip("label:N", title="course"), "sessions:Q", money("cost"), "students:Q"],
        )
    )
    return Chart(
        name="spend-against-sessions",
        title="Spend against sessions, by course",
        definition=(
            "Each point is a course over all time: sessions and US dollars of all users. The larger the point, "
            "the more students are enrolled."
        ),
        data="course_totals",
        where=ADDITIVE,
        keeps_all=True,
        drawing=chart_forms.sized(points, 300),
        missing="No course has a session, spend or a student yet.",
        keys=["course"],
        values=["sessions", "cost", "students"],
    )


def student_spread(data: Data) -> Chart:
    """Draw students as counts in cells."""
    legend = alt.Legend(
        title="Students", symbolType="circle", symbolFillColor="var(--green)", tickCount=3, format="d", columns=4
    )
    points = (
        chart_forms.rows("students")
        .transform_aggregate(people="sum(students)", groupby=["sessions_from", "sessions_to", "cost_from", "cost_to"])
        .transform_calculate(
            x="(datum.sessions_from + datum.sessions_to) / 2",
            y="(datum.cost_from + datum.cost_to) / 2",
            sessions="datum.sessions_from + ' to under ' + datum.sessions_to",
            spend=f"format(datum.cost_from, '{USD}') + ' to under ' + format(datum.cost_to, '{USD}')",
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
            "Students of each course, including those who dropped or left it, counted in cells of sessions and US dollars over all "
            "time. Students with neither are omitted. Cells show only counts, never a person."
        ),
        data="students",
        where=ADDITIVE,
        drawing=chart_forms.sized(points, 300),
        missing="No student has a session or spend yet, or no enrollment is loaded.",
        keys=["sessions_from", "sessions_to", "cost_from", "cost_to"],
        values=["students"],
    )


def hours_against_score(data: Data) -> Chart:
    """Draw students as counts in cells of hours and score."""
    legend = alt.Legend(
        title="Students", symbolType="circle", symbolFillColor="var(--purple)", tickCount=3, format="d", columns=4
    )
    points = (
        chart_forms.rows("hours_score")
        .transform_aggregate(people="sum(students)", groupby=["hours_from", "hours_to", "score_from", "score_to"])
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
            "Students of each course counted in cells of hours in its labs and score, over the whole time whatever the period: the score is "
            "in percent of the highest points of all assignments, so what is not submitted counts as zero. Students without a session or "
            "in a course without scores are not shown."
        ),
        data="hours_score",
        where=ADDITIVE,
        drawing=chart_forms.sized(points, 300),
        missing="No student has both hours in labs and a score yet.",
        keys=["hours_from", "hours_to", "score_from", "score_to"],
        values=["students"],
    )


def active_weekly(data: Data) -> Chart:
    """Draw how many people use labs, week by week."""
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
                alt.Tooltip("students:Q", title="of them students", format=",.0f"),
            ],
        )
    )
    return Chart(
        name="active-weekly",
        title="Active people by week",
        definition=(
            "People with a session that started, per week from Monday (UTC); somebody in several courses counts once. The newest week is "
            "not over yet, and a week at an edge of the period is drawn whole."
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


def launch_latency(data: Data) -> Chart:
    """Draw how long people wait for a lab."""
    lines = (
        chart_forms.rows("latency")
        .transform_calculate(when="'Week from ' + utcFormat(datum.day, '%a %d %b %Y')")
        .mark_line(strokeWidth=2.25, aria=False, point={"size": 36, "filled": True})
        .encode(
            x=chart_forms.time_axis(),
            y=alt.Y("minutes:Q", title="Minutes", scale=FROM_ZERO),
            color=by("percentile", PERCENTILES),
            tooltip=[
                chart_forms.day_tooltip(),
                "percentile:N",
                "minutes:Q",
                alt.Tooltip("launches:Q", format=",.0f"),
            ],
        )
    )
    return Chart(
        name="launch-latency",
        title="Waiting for a lab",
        definition=(
            "Minutes from Start Lab to ready, per week: half of the launches were ready within p50, 90 % within p90, 99 % "
            "within p99. p90 needs at least 10 launches in the week, p99 at least 100."
        ),
        data="latency",
        what="sessions",
        is_weekly=True,
        where=EXACT,
        drawing=chart_forms.sized(lines, 260),
        missing="No launch times: lab_sessions is not loaded, or has no launch times.",
        keys=["day", "percentile"],
        values=["minutes", "launches"],
        wide=True,
    )


def concurrency(data: Data) -> Chart:
    """Draw when labs run."""
    hours = alt.Axis(labelAngle=0, domain=False, ticks=False, labelSeparation=4)
    legend = alt.Legend(title="Sessions", symbolFillColor=ACCENT, tickCount=4, columns=4)
    cells = (
        chart_forms.rows("concurrency")
        .transform_calculate(weekday_name=f"{WEEKDAYS}[datum.weekday - 1]")
        .mark_rect(color=ACCENT, cornerRadius=2, stroke=SURFACE, strokeWidth=1.5, aria=False)
        .encode(
            x=alt.X("hour:O", title=f"Hour of the day ({data.zone})", axis=hours).scale(domain=list(range(24))),
            y=alt.Y("weekday_name:N", title=None, sort=WEEKDAYS).scale(domain=WEEKDAYS),
            opacity=alt.Opacity("usual:Q", legend=legend).scale(zero=True, range=[0.04, 1]),
            tooltip=[
                alt.Tooltip("weekday_name:N", title="day"),
                "hour:O",
                alt.Tooltip("usual:Q", title="usual peak"),
                alt.Tooltip("highest:Q", title="highest peak"),
            ],
        )
    )
    return Chart(
        name="concurrency",
        title="Labs running at once",
        definition=(
            f"Sessions that run at the same moment, at the peak of each hour by the clock of {data.zone}, on average over the newest "
            "13 weeks whatever the period; an hour without any counts as zero."
        ),
        data="concurrency",
        where=EXACT,
        drawing=chart_forms.sized(cells, 230),
        missing="No sessions in the newest 13 weeks.",
        keys=["weekday", "hour"],
        values=["usual", "highest"],
    )


def never_seen(data: Data) -> Chart:
    """Draw the enrolled students without a session that succeeded."""
    return Chart(
        name="never-seen",
        title="Students never seen",
        definition=(
            "Enrolled students without a successful session in the course, out of all enrolled students (pale): they never launched "
            "a lab, or all their launches failed. A student of several courses counts in each."
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
