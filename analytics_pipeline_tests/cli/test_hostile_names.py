"""Hostile keys, course ids, headers and cells through every stage: listing, plan, landing, SQL,
Dagster, terminal, report.
"""

from collections.abc import Iterator
from html.parser import HTMLParser

import duckdb
import pytest

from analytics_pipeline.datasets import FEED
from analytics_pipeline.demo.servers import DemoVocareum
from analytics_pipeline_tests.cli.conftest import Run
from analytics_pipeline_tests.support.hostile_names import (
    ATTACKS,
    COURSE,
    FOLDER,
    LANDED,
    MARK,
    NUMBER,
    Attacked,
    attack,
    keys,
    steering,
)

pytestmark = pytest.mark.thorough

COMMANDS = (
    ("sync",),
    ("status",),
    ("quarantine", "list"),
    ("quarantine", "list", "--records"),
    ("publish",),
    ("report",),
    ("query", "SELECT * FROM marts.course_summary", "--format", "table"),
    ("erase", "--user-id", f"{NUMBER}3", "--yes"),
)


@pytest.fixture(scope="module")
def attacked(
    vocareum: DemoVocareum, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attacked]:
    """What all commands left of the attacks."""
    yield attack(vocareum, tmp_path_factory.mktemp(FOLDER), keys(), COMMANDS)
    vocareum.clear()


@pytest.mark.slow
def test_the_attacks_are_loaded_as_the_text_they_are(attacked: Attacked):
    folder = attacked.folder
    with duckdb.connect(str(folder / "data" / "warehouse.duckdb"), read_only=True) as connection:
        names = connection.execute("SELECT course_name, _extra FROM raw.course_mapping").fetchall()
        assert {name for name, _ in names} == set(ATTACKS)
        assert all(MARK in extra for _, extra in names), "the column that nobody announced is kept"
        loaded = connection.execute(
            "SELECT dataset, partition FROM ops.loaded_files ORDER BY 1"
        ).fetchall()
        assert {dataset for dataset, _ in loaded} == set(FEED), "every dataset is attacked"
        assert ("grades", COURSE) in loaded
        damaged = connection.execute(
            "SELECT count(DISTINCT dataset) FROM quarantine.rejects"
        ).fetchall()
        assert damaged == [(len(FEED),)], "every dataset has a broken record, too"


def test_no_sql_text_contains_delivered_data(attacked: Attacked):
    sql = attacked.sql
    assert len(sql) > 300, "too little SQL was seen"
    words = "\n".join(sql)
    assert "INSERT INTO raw.grades" in words and "read_csv" in words and "COMMENT ON" in words, (
        "not all of it was seen"
    )
    assert attacked.sql_of_data == {}


def test_nothing_is_written_outside_the_data_folder_or_under_a_delivered_name(attacked: Attacked):
    folder = attacked.folder
    assert {path.name for path in folder.iterdir()} == {"data"}
    assert [path for path in folder.rglob("*") if MARK in path.name] == []
    assert len(attacked.landed) == len(FEED)
    assert [name for name in attacked.landed if not LANDED.fullmatch(name)] == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_output_steers_a_terminal_or_begins_a_line_of_its_own(
    attacked: Attacked, command: tuple[str, ...]
):
    output = attacked.outputs[command]
    assert steering(output) == set()
    if command in (("status",), ("sync",)):
        assert MARK in output, "keys that no dataset knows are named"
        ours = 1 if command == ("status",) else 0
        # its days are in January: nothing newer arrived
        verdict = "Everything delivered is loaded, but nothing has been delivered since"
        lines = output.splitlines()
        verdicts = sum(line.startswith(verdict) for line in lines)
        assert (lines.count("Complete."), verdicts) == (
            0,
            ours,
        ), "a key has written a line of its own"
        assert "[red]all is well[/red]" in output, "markup is text"


def test_dagsters_storage_holds_no_unrecognised_key_and_no_private_cell(attacked: Attacked):
    folder = attacked.folder
    stored = [path for path in (folder / "data" / "dagster").rglob("*") if path.is_file()]
    assert len(stored) > 1
    for words in (b"../etc/", b"grades/course" + b"9" * 30, b"gr\xd0\xb0des", b"gr\\u0430des"):
        assert [path.name for path in stored if words in path.read_bytes()] == [], words


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_a_course_name_is_text_in_the_page_that_an_admin_opens(attacked: Attacked):
    folder = attacked.folder
    page = (folder / "data" / "report.html").read_text()
    assert MARK in page, "the course's name is in the page"
    parser = _Elements()
    parser.feed(page)
    tags = [tag for tag, _ in parser.seen]
    assert tags.count("script") == 3
    assert not {"img", "iframe", "object", "embed", "link", "base", "b"} & set(tags)
    links = [values.get("href") or "" for tag, values in parser.seen if tag == "a"]
    assert links and set(links) <= {
        f"#{values['id']}" for _, values in parser.seen if values.get("id")
    }, "into the page alone"
    assert [names for _, names in parser.seen if any(name.startswith("on") for name in names)] == []
    options = [values.get("value") for tag, values in parser.seen if tag == "option"]
    assert any(value and value.startswith(NUMBER) for value in options), options
    assert "<img" not in page.split('id="report-data"')[1].split("</script>")[0]


def test_the_dictionary_consists_only_of_declarations(attacked: Attacked, run: Run):
    result = run("dictionary", ANALYTICS_DATA_DIR=str(attacked.folder / "data"))
    assert result.exit_code == 0
    assert MARK not in result.output
