"""Lab sessions as they happened, and as rows of lab_sessions.

spend.py simulates their cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from analytics_pipeline.demo.organisation.campus import Campus, Membership, Part
from analytics_pipeline.demo.organisation.dice import Dice
from analytics_pipeline.demo.organisation.spec import Calendar, OrganisationSpec

_TIMER = 7202  # seconds: two hours, and two seconds as in the article's example
_FAILED = "LAUNCH initiated; START failed (CFN creation failed)"
_READY = " START successful; CFN creation successful; END successful "
_ENDED = (
    "(User Ended Lab)",
    "(User Ended Lab)",
    "(Instructor Ended Lab)",
    '(User says:\n"done, thanks")',
)


@dataclass(frozen=True)
class Session:
    """One lab session, in UTC. A failed launch has no start, end or init."""

    day: date  # the UTC day of its file: of the start, or of the launch if it never started
    delivered_on: date  # UTC; later than `day` if it arrives with a rewritten file
    member: Membership
    part: Part
    lab_type: str
    launch: datetime
    start: datetime | None
    end: datetime | None
    init: datetime | None
    log: str
    concurrent: int
    disconnects: int
    latency: int | None

    @property
    def seconds(self) -> int:
        """Return the length in seconds, 0 for a failed launch."""
        return int((self.end - self.start).total_seconds()) if self.start and self.end else 0

    def row(self) -> tuple[object, ...]:
        """Return its cells in the article's order."""
        who, course, part = self.member.person, self.member.course, self.part
        ready = (self.init - self.launch).total_seconds() / 60 if self.init else None
        return (
            *(
                who.user_id,
                who.email,
                course.course_id,
                course.name,
                part.assignment_id,
                part.assignment_name,
            ),
            *(part.part_id, part.name, self.lab_type, self.start, self.end),
            *(
                self.seconds / 60 if self.start else None,
                self.log,
                None,
                self.launch,
                self.init,
                ready,
            ),
            *(self.concurrent, self.disconnects, self.latency),
        )


def simulate_sessions(spec: OrganisationSpec, campus: Campus) -> list[Session]:
    """Return all sessions, by day and then by member."""
    calendar = Calendar(spec)
    return [
        s
        for day in spec.all_days()
        if day not in calendar.quiet
        for s in _sessions_of(spec, campus, day)
    ]


def _sessions_of(spec: OrganisationSpec, campus: Campus, day: date) -> Iterator[Session]:
    calendar, dice = Calendar(spec), Dice(spec.seed, "sessions", day)
    for n, (member, launch, others) in enumerate(_launches(campus, day, dice)):
        session = _session(member, day, launch, others, dice)
        if n == 0 and day == calendar.launched_late:
            session = _launched_after_its_end(session)
        if n == 0 and day == calendar.cut_short and spec.flaws:
            session = replace(session, lab_type="Quantum")
        if n % 5 == 3 and day in calendar.rewritten:
            session = replace(session, delivered_on=day + timedelta(days=1))
        if member.person.unlucky:  # after all draws, so that nobody else's change
            session = _failed(session)
        others.append(session)
        yield session
    if day in calendar.unlucky:
        yield from _failed_launches(spec, campus, day)


def _failed_launches(spec: OrganisationSpec, campus: Campus, day: date) -> Iterator[Session]:
    """Yield a launch of each unlucky student, so that one exists whatever the draws are."""
    for member in campus.memberships:
        if member.person.unlucky and member.active(day):
            dice = Dice(spec.seed, "unlucky", member.person.user_id, day)
            launch = datetime.combine(day, time(9), UTC) + timedelta(seconds=dice.below(3_600))
            yield _failed(_session(member, day, launch, [], dice))


def _failed(session: Session) -> Session:
    """Turn the session into a failed launch."""
    return replace(session, start=None, end=None, init=None, latency=None, log=_FAILED)


def _launched_after_its_end(session: Session) -> Session:
    """Shift the launch after the end, as in the article's example."""
    later = session.launch + timedelta(days=98)
    end, init = session.launch + timedelta(seconds=_TIMER), later + timedelta(seconds=5)
    log = _READY + "(Session Timer Expires)"
    return replace(session, launch=later, start=session.launch, end=end, init=init, log=log)


def _launches(
    campus: Campus, day: date, dice: Dice
) -> Iterator[tuple[Membership, datetime, list[Session]]]:
    """Yield who clicks "Start Lab" and when; the list collects the user's latest sessions."""
    busy = 0.15 if day.weekday() >= 5 else 0.3
    for member in campus.memberships:
        if not (member.active(day) and member.person.works):
            continue
        if member.person.keen or dice.chance(busy if member.first_role == "student" else 0.05):
            others: list[Session] = []
            launch = datetime.combine(day, time(), UTC) + timedelta(seconds=dice.below(82_000))
            yield member, launch, others
            if dice.chance(0.12):  # some open a second lab while the first still runs
                yield member, launch + timedelta(seconds=dice.between(60, 3_000)), others


def _session(
    member: Membership, day: date, launch: datetime, others: list[Session], dice: Dice
) -> Session:
    parts = [part for part in member.course.parts if part.created_on <= day]
    part = parts[0] if member.person.keen else dice.pick(parts)
    running = sum(
        1 for other in others if other.start and other.end and other.start <= launch < other.end
    )
    start = launch + timedelta(seconds=dice.between(1, 40))
    init = start + timedelta(seconds=dice.between(4, 240))
    timer = dice.chance(0.4)
    end = start + timedelta(seconds=_TIMER if timer else dice.between(300, _TIMER))
    log = _READY + ("(Session Timer Expires)" if timer else dice.pick(_ENDED))
    failed = dice.chance(0.03)
    return Session(
        day=day,
        delivered_on=day,
        member=member,
        part=part,
        lab_type=part.lab_type,
        launch=launch,
        start=None if failed else start,
        end=None if failed else end,
        init=None if failed else init,
        log=_FAILED if failed else log,
        concurrent=running,
        disconnects=dice.between(1, 4) if dice.chance(0.1) else 0,
        latency=None if failed else dice.between(12, 480),
    )
