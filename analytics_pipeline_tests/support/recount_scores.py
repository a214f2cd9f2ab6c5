"""The mart of scores, recomputed in plain Python from the delivered files."""

from collections.abc import Sequence

from analytics_pipeline_tests.support.random_people import Delivered, Grade
from analytics_pipeline_tests.support.recount_rows import LONG_AGO, Rows, grouped, percent


def assignment_scores(delivered: Delivered) -> Rows:
    counting = counting_scores(delivered)
    return [
        (
            *(
                best.user,
                best.course,
                best.assignment,
                best.submission,
                best.submitted,
                best.score,
                best.most,
            ),
            percent(best.score, best.most) if best.score is not None and best.most else None,
            bool(best.override),
            partners.pop() if len(partners) == 1 else None,
            count,
            len({row.rubric for row in rows}),
            best in counting,
        )
        for rows in _submissions(delivered)
        for best in [_best(rows)]
        for partners in [{row.partner for row in rows if row.partner}]
        for count in [len(partners)]
    ]


def _submissions(delivered: Delivered) -> list[list[Grade]]:
    return list(
        grouped(
            delivered.grades, lambda row: (row.user, row.course, row.assignment, row.submission)
        ).values()
    )


def _best(rows: Sequence[Grade]) -> Grade:
    return max(
        rows,
        key=lambda row: (
            *(
                row.score is not None,
                row.submitted is not None,
                row.submitted or LONG_AGO,
                row.score or 0,
            ),
            *(
                row.override is not None,
                row.override or False,
                row.most is not None,
                row.most or 0,
                -row.rubric,
            ),
        ),
    )


def counting_scores(delivered: Delivered) -> set[Grade]:
    """Return what counts of each person, course and assignment: the last scored submission."""
    graded = [best for rows in _submissions(delivered) if (best := _best(rows)).score is not None]
    groups = grouped(graded, lambda row: (row.user, row.course, row.assignment)).values()
    return {
        max(rows, key=lambda row: -1 if row.submission is None else row.submission)
        for rows in groups
    }
