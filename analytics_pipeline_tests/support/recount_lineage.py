"""The marts of lineage, recomputed in plain Python from the delivered files."""

from collections.abc import Mapping

from analytics_pipeline_tests.support.random_people import Delivered
from analytics_pipeline_tests.support.recount_rows import Rows, grouped


def course_lineage(delivered: Delivered) -> Rows:
    named = grouped(delivered.parents, lambda row: row[0])
    sets = {course: {parent for _, parent in rows if parent} for course, rows in named.items()}
    parents = {
        course: next(iter(some)) if len(some) == 1 else None for course, some in sets.items()
    }
    return [
        (course, parents[course], len(sets[course]) > 1, *_line(parents, course))  # type: ignore[arg-type]
        for course in parents
    ]


def part_lineage(delivered: Delivered) -> Rows:
    parents: dict[int, int | None] = {part: parent for _, _, part, parent in delivered.parts}
    assignments = {part: assignment for _, assignment, part, _ in delivered.parts}
    return [(part, assignments[part], parents[part], *_line(parents, part)) for part in parents]


def _line(parents: Mapping[int, int | None], child: int) -> tuple[int | None, int | None, bool]:
    """Return the root, the steps to it, and whether there is none as the chain is circular."""
    line = [child]
    while parent := parents.get(line[-1]):
        if parent in line:
            return None, None, True
        line.append(parent)
    return line[-1], len(line) - 1, False
