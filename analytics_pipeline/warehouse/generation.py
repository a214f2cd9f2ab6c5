"""Which of Dagster's records describe the present warehouse.

When a warehouse is found replaced from outside, a new generation begins, with a random id. Each
record names the generation in which it was made. So no clock decides which records are trusted.
"""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Generation:
    """Tells the records of the present warehouse from those of replaced ones.

    Attributes:
        id: the random id; empty if the warehouse was never found replaced.
        since: time (epoch seconds) from which records without this id are trusted, too. If the
            warehouse was never replaced, all are trusted. If this release noticed the replacement,
            none are. Earlier releases named no generation, and compared times.
    """

    id: str = ""
    since: float = 0.0

    @classmethod
    def begun(cls, id: str) -> "Generation":
        """Return a generation that this release began."""
        return cls(id, inf)

    def includes(self, id: str, at: float) -> bool:
        """Return whether a record describes the present warehouse.

        Args:
            id: the generation that the record names; empty if it names none.
            at: when it was made (epoch seconds).
        """
        return id == self.id or at >= self.since


NEVER = Generation()
"""The generation of a warehouse that was never found replaced: every record describes it."""
