"""Short distinct names for narrow places: legends, and labels on a phone."""

from collections.abc import Sequence

FSI, PDI, ELLIPSIS = "\u2068", "\u2069", "\N{HORIZONTAL ELLIPSIS}"


def shortened(labels: Sequence[str], most: int) -> list[str]:
    """Shorten labels in the middle, as courses often differ only at the end.

    Number labels that would become equal.

    Args:
        labels: distinct labels. Unicode direction isolates are kept.
        most: maximum length of a short name, without the number.
    """
    short = [_cut(label, most) for label in labels]
    used = {name for name in short if short.count(name) == 1}
    names, number = [], 0
    for name in short:
        if short.count(name) > 1:
            number += 1
            while f"{name} #{number}" in used:
                number += 1
            name = f"{name} #{number}"
        names.append(name)
    return names


def _cut(label: str, most: int) -> str:
    """Keep the start and the end of a label."""
    if label.startswith(FSI) and PDI in label:
        name, _, id_ = label[1:].rpartition(PDI)
        return f"{FSI}{_cut(name, max(most - len(id_), 6))}{PDI}{id_}"
    if len(label) <= most:
        return label
    tail = min(_id_length(label), most - 4) or (most - 1) // 2
    return f"{label[: most - 1 - tail].rstrip()}{ELLIPSIS}{label[-tail:].lstrip()}"


def _id_length(label: str) -> int:
    """Return the length of the final id in brackets, which tells namesakes apart; else 0."""
    _, bracket, id_ = label.rpartition("(")
    return len(id_) + 8 if bracket and id_[:-1].isdigit() and id_.endswith(")") else 0
