"""Erasing a person from files that people write by hand, and from those that mention people."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_pipeline.cli import app
from analytics_pipeline.datasets import DATASETS, WHOLE_ORGANISATION, Partition
from analytics_pipeline.ingest.batch import FileResult
from analytics_pipeline.ingest.delivery import Delivery
from analytics_pipeline.ingest.erase import Redacted, erase_in_file
from analytics_pipeline.ingest.landing import landing_path
from analytics_pipeline.ingest.people import People
from analytics_pipeline.operations.load_files import Loader
from analytics_pipeline.operations.own_files import left_to_erase, own_files_with
from analytics_pipeline.settings import Settings, load_settings
from analytics_pipeline.warehouse.connection import open_warehouse
from analytics_pipeline_tests.support.erased_person import (
    Someone,
    assert_every_record_accounted_for,
    assert_gone,
    files_with_traces,
    live_tables_with_traces,
    rows_of,
)

BUDGETS = "scope,id,name,starts_on,ends_on,amount,currency,alert_at,student_cap,repeat,Contact\n"
LABELS = "course_id,department,term,starts_on,ends_on\n"
COURSES = "org_id,org_name,course_id,course_name,create_method,parent_course_id\n"
TWO = People(frozenset([42]), frozenset(["ann@example.edu", "a.b@example.edu"]), salt="salt")


def budgets_of(email: str) -> str:
    return BUDGETS + "".join(
        f"{line},2026-09-01,2026-12-31,1,USD,,,none,{contact}\n"
        for line, contact in (
            (f"organisation,,Lab of {email}", f"ask {email.upper()}"),
            (f"department,{email},Theirs", "nobody"),
            (f"department,{email},{email}", "nobody"),
            (f"planet,{email},Rejected", "nobody"),
        )
    )


def load_by_hand(settings: Settings, name: str, body: str, etag: str) -> FileResult:
    """Load a hand-written file as a run does: what it lands is a copy."""
    delivery = Delivery(
        DATASETS[name],
        Partition(WHOLE_ORGANISATION, None),
        f"org9001/by_hand/{name}.csv",
        etag,
        len(body.encode()),
        datetime(2026, 11, 8, tzinfo=UTC),
    )
    path = landing_path(settings.landing_dir, delivery)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body.encode())
    loader = Loader(
        None, settings.landing_dir, lambda: open_warehouse(settings.warehouse_path), etag
    )
    (result,) = loader.load(delivery.dataset, [delivery])
    return result


def test_an_email_leaves_hand_written_files_and_the_operators_own_is_named_until_it_is_corrected(
    settings: Settings, someone: Someone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"BUDGETS_FILE": tmp_path / "b.csv", "COURSE_LABELS_FILE": tmp_path / "l.csv"}
    for setting, path in own.items():
        monkeypatch.setenv(setting, str(path))
    monkeypatch.setenv("PUBLISH_PII", "true")
    courses = rows_of(settings, "SELECT DISTINCT course_id FROM raw.course_mapping")
    labels = LABELS + "".join(f"{course},{someone.email},Fall,,\n" for (course,) in courses)
    bodies = {"budgets": budgets_of(someone.email), "course_labels": labels}
    for path, body in zip(own.values(), bodies.values(), strict=True):
        path.write_text(body)
    for name, body in bodies.items():
        load_by_hand(settings, name, body, "first")
    holding = {"raw.budgets", "history.budgets", "history.course_labels", "quarantine.rejects"}
    assert holding <= set(live_tables_with_traces(someone, settings))
    assert "organisation@first.csv" in files_with_traces(someone, settings.data_dir)

    erase = ("erase", "--user-id", str(someone.user_id), "--yes")
    done = CliRunner().invoke(app, [*erase, "--json"])
    assert done.exit_code == 1, done.output
    assert_gone(someone, settings)
    assert_every_record_accounted_for(settings)
    told = json.loads(done.stdout)
    assert [problem.partition(": ")[2][:11] for problem in told["problems"]] == [
        "lines 2, 3,",
        "lines 2, 3,",
    ], told["problems"]
    [receipt] = (settings.data_dir / "receipts").iterdir()
    written = json.loads(receipt.read_text())
    assert written["own_files"][0] == {
        "setting": "BUDGETS_FILE",
        "path": str(own["BUDGETS_FILE"]),
        "lines": [2, 3, 4, 5],
        "problem": "",
    }
    assert written["not_reached"][:2] == told["problems"]
    assert written["tables"]["quarantine.rejects"]["cells"] == 1
    assert {"raw.budgets", "history.course_labels", "landing/budgets"} <= set(written["searched"])

    budgets = "SELECT name, id, _extra->>'Contact' FROM raw.budgets ORDER BY ALL"
    kept = rows_of(settings, budgets)
    assert len({name for name, _, _ in kept}) == 3, "a budget is known by its name"
    [(department,)] = rows_of(settings, "SELECT DISTINCT department FROM raw.course_labels")
    assert {id_ for _, id_, _ in kept} == {None, department}, "texts that were equal remain equal"
    assert rows_of(
        settings,
        "SELECT count(*), count(DISTINCT budget), bool_or(state = 'no such scope')"
        " FROM marts.budget_status",
    ) == [(3, 3, False)]

    history = rows_of(settings, "SELECT count(*), count(valid_to) FROM history.budgets")
    for name, body in bodies.items():
        load_by_hand(settings, name, body, "the same text again")
    assert rows_of(settings, budgets) == kept, "a load of the own file brings nothing back"
    assert rows_of(settings, "SELECT count(*), count(valid_to) FROM history.budgets") == history
    assert_gone(someone, settings)

    said = f"({own['BUDGETS_FILE']}) holds the email of an erased person: lines 2, 3, 4, 5"
    for command in ("status", "doctor"):
        result = CliRunner().invoke(app, [command])
        assert (result.exit_code != 0, said in result.output) == (True, True), result.output
        assert someone.email not in result.output
    with open_warehouse(settings.warehouse_path) as connection:
        assert len(left_to_erase(connection, load_settings())) == 2

    for path, body in zip(own.values(), bodies.values(), strict=True):
        path.write_text(body.replace(someone.email, "chair").replace(someone.email.upper(), "c"))
    assert CliRunner().invoke(app, erase).exit_code == 0, "nothing is left to do by hand"
    assert "erased person" not in CliRunner().invoke(app, ["status"]).output

    for path in own.values():
        path.write_text(f"{someone.email}\n", encoding="utf-16")
    status = CliRunner().invoke(app, ["status"])
    assert status.exit_code != 0
    for setting, path in own.items():
        assert f"{setting} ({path}) can't be searched for people who were erased" in status.output
    with open_warehouse(settings.warehouse_path) as connection:
        assert len(left_to_erase(connection, load_settings())) == 2


@pytest.mark.parametrize(
    ("dataset", "before", "after"),
    [
        (
            "course_mapping",
            f'{COURSES}9001, O,5,"Lab of ann@example.edu, 2",New,\n9001,O,42,B,New,\n',
            f'{COURSES}9001, O,5,"Lab of [erased], 2",New,\n9001,O,42,B,New,\n',
        ),
        (
            "course_mapping",
            f'{COURSES}9001,O,5,"open ann@example.edu,New,\n9001,O,6,a,b,c,d,a.b@example.edu\n',
            f'{COURSES}9001,O,5,"open [erased],New,\n9001,O,6,a,b,c,d,[erased]\n',
        ),
        (
            "course_mapping",
            f"{COURSES}9001,O,5,caf\udce9 ann@example.edu,New,\r\n9001,O,42,x,\udce9,\r\n",
            f"{COURSES}9001,O,5,caf\udce9 [erased],New,\r\n9001,O,42,x,\udce9,\r\n",
        ),
    ],
    ids=["a name", "damaged and too wide", "not UTF-8"],
)
def test_a_record_that_is_about_nobody_stays_without_the_email(
    tmp_path: Path, dataset: str, before: str, after: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(before.encode("utf-8", "surrogateescape"))
    redacted = erase_in_file(path, DATASETS[dataset], TWO)
    assert path.read_bytes() == after.encode("utf-8", "surrogateescape")
    assert redacted == Redacted(cells=after.count("[erased]"))


def test_names_by_two_emails_remain_two_and_by_the_same_email_one(tmp_path: Path) -> None:
    names = {}
    for dataset, header in (("budgets", BUDGETS), ("course_labels", LABELS)):
        path = tmp_path / f"{dataset}.csv"
        lines = [f"1,{email},x,,\n" for email in ("ann@example.edu", "a.b@example.edu", "b@c.d")]
        path.write_text(header + "".join(lines))
        assert erase_in_file(path, DATASETS[dataset], TWO) == Redacted(cells=2)
        names[dataset] = [line.split(",")[1] for line in path.read_text().splitlines()[1:]]
    ann, second, other = names["budgets"]
    assert ann != second and ann.startswith("[erased ") and second.startswith("[erased ")
    assert other == "b@c.d"
    assert names["course_labels"] == names["budgets"], "a budget finds its department by the name"


def test_an_own_file_that_cannot_be_searched_is_named_and_a_missing_one_is_not(
    tmp_path: Path,
) -> None:
    names = ("b.csv", "none.csv", "folder", "b.csv/none.csv", "n" * 300)
    utf_16, missing, folder, below_file, unreachable = (tmp_path / name for name in names)
    utf_16.write_text("ann@example.edu", encoding="utf-16")
    folder.mkdir()
    paths = {"A": utf_16, "B": missing, "C": folder, "D": below_file, "E": unreachable}
    found = list(own_files_with(TWO, paths))
    assert [(own.setting, own.lines) for own in found] == [("A", ()), ("C", ()), ("E", ())]
    assert [own.problem for own in found] == [
        "it is not a text file in UTF-8",
        "it is not a file",
        "File name too long",
    ]
    assert all(f"can't be searched: {own.problem}." in str(own) for own in found)
