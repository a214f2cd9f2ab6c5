"""Damaged files, and the expected result of reading them.

A seed determines a file; `disagreement` compares the pipeline with the independent reader.
"""

import gzip
import json
import random
from pathlib import Path
from typing import Any

from analytics_pipeline_tests.support.deliveries import HEADER, batch
from analytics_pipeline_tests.support.reference_parser import BLANKS, Read, columns, read

NAMES = HEADER["enrollment"].strip().split(", ")
TEXTS = ("role", "name", "email", "client_key", "client_userid")
_BITS = [
    '"',
    '""',
    ",",
    "\u200b",
    "\u2003",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "a",
    "b c",
    "é",
    "\0",
    "\u00a0",
    "@",
    "\\",
]
_SPLINTERS = [
    *_BITS,
    *(
        "\ufeff",
        '" ',
        '  "',
        '","',
        '"\n',
        '\n"',
        " , ",
        "\x0b",
        "\x1c",
        "\u2028",
        "\x85",
        "'",
        "=1+1",
        "\n\n",
        '",',
    ),
    *("NaN", "1e308", "9" * 40, "-", "Feb-30-2026", "userid, courseid\n", "\x1a", ",,,,,,,,,,,,"),
]


def make(seed: int) -> bytes:
    """Return an enrollment file for a seed: sound, odd or damaged."""
    dice = random.Random(seed)
    header = _header(dice)
    lines = [", ".join(header)]
    for _ in range(dice.randint(0, 8)):
        lines.append(_row(dice, header))
        if dice.random() < 0.1:
            lines.append(dice.choice(["", "  ", "\t", "\u00a0", ",,,,", ", ".join(header)]))
    end = dice.choice(["\n"] * 4 + ["\r\n"] * 3 + ["\r"])
    body = (end.join(lines) + dice.choice([end, ""])).encode()
    for _ in range(dice.choice([0, 0, 1, 2, 3])):
        body = mutated(dice, body, len(lines[0]) if dice.random() < 0.9 else 0)
    if dice.random() < 0.2:
        body = b"\xef\xbb\xbf" + body
    if dice.random() < 0.03:
        body = dice.choice(
            [
                gzip.compress(body, mtime=0),
                body.decode("utf-8", "replace").encode("utf-16"),
                b"<html>" + body,
                b"",
            ]
        )
    return body


def _header(dice: random.Random) -> list[str]:
    header = list(NAMES)
    if dice.random() < 0.2:
        dice.shuffle(header)
    if dice.random() < 0.1:
        header.insert(
            dice.randrange(len(header)), dice.choice(["Term", "userid", "Term\u2028", '"a b"'])
        )
    if dice.random() < 0.05:
        header[dice.randrange(len(header))] = dice.choice(["renamed", "", "USER ID"])
    if dice.random() < 0.1:
        header += [dice.choice(["", " ", "\u200b", "\t"]) for _ in range(dice.randint(1, 2))]
    return header


def _row(dice: random.Random, header: list[str]) -> str:
    cells = {
        "userid": str(dice.randint(1, 99)),
        "courseid": "5",
        "dropped": "0",
        "organization_terms_agreed": "1",
    }
    cells |= {name: quoted(dice, _text(dice)) for name in TEXTS} | {"role": "student"}
    row = [
        quoted(dice, cells[name]) if name == "userid" else cells.get(name, "") for name in header
    ]
    if dice.random() < 0.1:
        row = row[: dice.randint(1, len(row))]
    return ",".join(row + [""] * (dice.randint(1, 3) if dice.random() < 0.1 else 0))


def _text(dice: random.Random) -> str:
    if dice.random() < 0.5:
        return dice.choice(["plain", "two words", "é t é", "x@y", ""])
    return "".join(dice.choice(_BITS) for _ in range(dice.randint(1, 5)))


def quoted(dice: random.Random, text: str) -> str:
    before, behind = dice.choice(["", " ", "  "]), dice.choice(["", " ", "\t"])
    if any(char in text for char in ',"\r\n') or dice.random() < 0.2:
        return f'{before}"{text.replace(chr(34), chr(34) * 2)}"{behind}'
    return before + text


def mutated(dice: random.Random, body: bytes, after: int) -> bytes:
    at = dice.randint(min(after, len(body)), len(body))
    kind = dice.random()
    if kind < 0.6:
        return body[:at] + dice.choice(_SPLINTERS).encode() + body[at:]
    if kind < 0.8:
        return body[:at] + body[at + dice.randint(1, 5) :]
    return body[:at] if kind < 0.9 else body[:at] + bytes([dice.randrange(256)]) + body[at:]


def disagreement(folder: Path, bodies: list[bytes]) -> str | None:
    """Return the first difference between the pipeline and the independent reader; None if they
    agree.

    The files are read as one batch: each must come out as if it were alone.
    """
    found = batch(folder, "enrollment", *bodies)
    for at, (body, result) in enumerate(zip(bodies, found.files, strict=True)):
        records = read(body)
        rejected = set(found.rejects.filter(found.rejects["_file"] == at)["line"].to_list())
        ours = found.rows.filter(found.rows["_file"] == at)
        loaded = [_delivered(row) for row in ours.iter_rows(named=True)]
        if result.failure:
            wrong = refusal(result.failure.reason, records, len(loaded), NAMES)
        else:
            wrong = _rows(records, rejected, loaded, result.records, result.rejects)
        if wrong:
            return f"{wrong}\n{body!r}"
    return None


def refusal(reason: str, records: list[Read], loaded: int, required: list[str]) -> str | None:
    """Return what is wrong with a file's refusal: it has rows, or a complete header."""
    if loaded:
        return f"a refused file has rows: {reason}"
    names = [normal(cell) for cell in columns(records[0])] if records else []
    whole = names and set(required) <= set(names) and len(set(names)) == len(names)
    foreign = any(word in reason for word in ("gzip", "UTF-16", "HTML", "NUL"))
    return f"a file with a good header is refused: {reason}" if whole and not foreign else None


def _rows(
    records: list[Read], rejected: set[int], loaded: list, count: int, rejects: int
) -> str | None:
    header, *rest = records
    if count != len(rest) or len(rejected) != rejects or len(loaded) + rejects != count:
        return (
            f"{count} records, {len(loaded)} loaded, {rejects} rejected on {sorted(rejected)};"
            f" there are {len(rest)}"
        )
    if strange := rejected - {record.line for record in rest}:
        return f"rejects on lines {strange}, where no record begins"
    if guessed := {record.line for record in rest if record.cells is None} - rejected:
        return f"records whose cells can't be told apart were loaded: lines {guessed}"
    names = [normal(cell) for cell in columns(header)]
    if lost := [record for record in rest if record.line in rejected and _is_good(record, names)]:
        return f"good rows were rejected: {lost}"
    meant = [_texts(record, names) for record in rest if record.line not in rejected]
    if (got := [tuple(cell or "" for cell in row) for row in loaded]) != meant:
        return f"cells differ:\n{got}\n{meant}"
    return None


def normal(header: str) -> str:
    """Reimplement the naming rule of FEED.md."""
    kept = "".join(char if char.isascii() and char.isalnum() else " " for char in header.lower())
    return "_".join(kept.split())


def _delivered(row: dict[str, Any]) -> tuple[str | None, ...]:
    """Return the texts of a loaded row, with those that a suspect row keeps in `_extra`."""
    kept = json.loads(row["_extra"] or "{}")
    return tuple(kept.get(name) if row[name] is None else row[name] for name in TEXTS)


def _texts(record: Read, names: list[str]) -> tuple[str, ...]:
    cells = dict(zip(names, record.cells or (), strict=False))
    texts = {name: cells.get(name, "").strip(BLANKS) for name in TEXTS}
    return tuple(
        "" if name != "name" and text in ("NULL", "\\N") else text for name, text in texts.items()
    )


def _is_good(record: Read, names: list[str]) -> bool:
    """Return whether a row is beyond doubt: complete, with plain typed cells."""
    if record.cells is None or record.cut or len(record.cells) != len(names):
        return False
    cells = dict(zip(names, record.cells, strict=True))
    ids = all(
        cells[name].isascii() and cells[name].isdigit() and 0 < int(cells[name]) < 2**63
        for name in ("userid", "courseid")
    )
    flags = cells["dropped"] in ("0", "1", "") and cells["organization_terms_agreed"] in (
        "0",
        "1",
        "",
    )
    return ids and flags and not cells["organization_terms_agreed_date_utc"]
