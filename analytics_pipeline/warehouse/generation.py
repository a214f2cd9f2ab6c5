"""Which of Dagster's records describe the present warehouse.

A warehouse that is found replaced from outside begins a generation, under a random id. Each record
names the generation in which it was made. So no clock decides which records are trusted.
"""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Generation:
    """What tells the records of the present warehouse from those of replaced ones.

    Attributes:
        id: the random id; empty if the warehouse was never found replaced.
        since: from when on records without this id are trusted, too (epoch seconds). Always, if it
            was never replaced. Never, if this release noticed it. Earlier releases named no
            generation, and compared times.
    """

    id: str = ""
    since: float = 0.0

    @classmethod
    def begun(cls, id: str) -> "Generation":
        """Return the generation that this release began."""
        return cls(id, inf)

    def includes(self, id: str, at: float) -> bool:
        """Return whether a record describes the present warehouse.

        Args:
            id: the generation that the record names; empty if it names none.
            at: when it was made (epoch seconds).
        """
        return id == self.id or at >= self.since


NEVER = Generation()
"""Of a warehouse that was never found replaced: every record describes it."""
