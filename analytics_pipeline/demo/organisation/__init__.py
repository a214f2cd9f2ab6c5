"""A simulated organisation: its bucket in the article's formats, and the truth about it.

This is the package's interface. It knows neither the pipeline that reads the files nor the servers.
"""

from datetime import date, timedelta
from functools import cached_property

from analytics_pipeline.demo.organisation import by_hand, facts
from analytics_pipeline.demo.organisation.feed import tables
from analytics_pipeline.demo.organisation.flaws import plant, planted, strays
from analytics_pipeline.demo.organisation.spec import Dialect, OrganisationSpec
from analytics_pipeline.demo.organisation.table import HEADERS, Table, normal_form, render
from analytics_pipeline.demo.organisation.truth import (
    DailySpend,
    MemberTruth,
    ObservableSpend,
    Oddity,
    Planted,
    Score,
    ServiceDifference,
    SessionTotal,
    SessionTruth,
    Truth,
)
from analytics_pipeline.demo.organisation.world import World, key, simulate

__all__ = [
    "HEADERS",
    "DailySpend",
    "Dialect",
    "MemberTruth",
    "ObservableSpend",
    "Oddity",
    "Organisation",
    "OrganisationSpec",
    "Planted",
    "Score",
    "ServiceDifference",
    "SessionTotal",
    "SessionTruth",
    "Truth",
    "normal_form",
]


class Organisation:
    """A simulated organisation: its bucket after any night, and the truth.

    A daily file is final when delivered, except those in `Truth.rewritten`: some of their rows
    arrive with the next night's job. Open months are rewritten every night, and so are grades,
    enrollment and mappings.
    """

    def __init__(self, spec: OrganisationSpec) -> None:
        self.spec = spec

    def files(self, as_of: date | None = None) -> dict[str, bytes]:
        """Return the bucket's bodies by key after the night of `as_of` (default: the last)."""
        as_of = self._checked(as_of)
        bodies = {
            name: render(table, self.spec.dialect)[0]
            for name, table in self._tables(as_of)[0].items()
        }
        return bodies | (strays(self._world, as_of) if self.spec.flaws else {})

    def hand_written(self) -> dict[str, bytes]:
        """Return the hand-written files, budgets and course labels: body by key."""
        return {
            f"org{self.spec.org_id}/{name}": body
            for name, body in by_hand.files(self._world).items()
        }

    @cached_property
    def truth(self) -> Truth:
        """Return the truth for the bucket after the last day."""
        return self.truth_as_of(self.spec.last_day)

    def truth_as_of(self, as_of: date) -> Truth:
        """Return the truth for the bucket after the night of `as_of` (a UTC day)."""
        world, (files, odd) = self._world, self._tables(self._checked(as_of))
        happened = tuple(facts.sessions(world, as_of))
        lines, roots = facts.lineage(world, as_of)
        return Truth(
            as_of=as_of,
            planted=tuple(row for name, file in files.items() for row in self._planted(name, file)),
            oddities=odd,
            records={name: len(file.records) for name, file in files.items()},
            rows={
                name: sum(1 for record in file.records if not record.why)
                for name, file in files.items()
            },
            rewritten=self._rewritten(files),
            daily_spend=tuple(facts.daily_spend(world, as_of)),
            observable_daily_spend=tuple(facts.observable_spend(world, as_of)),
            sessions=happened,
            sessions_by_course_day=facts.totals(happened),
            never_seen=facts.never_seen(world, as_of, happened),
            failed_only=facts.failed_only(world, as_of, happened),
            members=facts.members(world, as_of),
            lineage=lines,
            root_course=roots,
            scores=dict(facts.scores(world, as_of)),
            service_difference=gap if (gap := world.difference) and gap.since <= as_of else None,
        )

    @cached_property
    def _world(self) -> World:
        return simulate(self.spec)

    def _checked(self, as_of: date | None) -> date:
        as_of = as_of or self.spec.last_day
        if not self.spec.first_day <= as_of <= self.spec.last_day:
            raise ValueError(
                f"{as_of} is outside the simulation, {self.spec.first_day} to {self.spec.last_day}"
            )
        return as_of

    def _tables(self, as_of: date) -> tuple[dict[str, Table], tuple[Oddity, ...]]:
        files = tables(self._world, as_of)
        return files, plant(self._world, as_of, files) if self.spec.flaws else ()

    def _planted(self, name: str, file: Table) -> list[Planted]:
        rows = list(planted(file))
        lines = render(file, self.spec.dialect)[1] if rows else []
        return [
            Planted(name, lines[n], record.column, record.why or "", n + 1) for n, record in rows
        ]

    def _rewritten(self, files: dict[str, Table]) -> dict[str, date]:
        late = {
            session.day for session in self._world.sessions if session.delivered_on > session.day
        }
        names = {key(self.spec, "lab_sessions/lab_sessions", day): day for day in late}
        names |= {
            key(self.spec, "cloud_spend/aws_cost", day): day
            for day in self._world.calendar.rewritten
        }
        return {
            name: day + timedelta(days=1) for name, day in sorted(names.items()) if name in files
        }
