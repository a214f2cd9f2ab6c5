"""All models and tests of a folder in build order, and the models that a load makes stale.

`parse.py` parses the files. Uses no database.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import duckdb

import analytics_pipeline
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.sql_models.model import Layer, Model, SqlTest
from analytics_pipeline.sql_models.parse import parse_model, parse_test
from analytics_pipeline.sql_models.sql_syntax import InvalidModel
from analytics_pipeline.warehouse.tables import history_table, tables

Parsed = TypeVar("Parsed", Model, SqlTest)


@dataclass(frozen=True)
class Project:
    """The models and tests of a folder.

    Attributes:
        models: by qualified name; each follows the models that it reads.
        tests: by name.
    """

    models: Mapping[str, Model]
    tests: Mapping[str, SqlTest]

    def select(self, names: Iterable[str]) -> list[Model]:
        """Return the models with these qualified names, in build order.

        Raises:
            KeyError: there is no such model.
        """
        if unknown := set(wanted := list(names)) - self.models.keys():
            raise KeyError(
                f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(self.models)}"
            )
        return [model for name, model in self.models.items() if name in wanted]

    def affected(self, touched: Collection[str]) -> list[Model]:
        """Return the models that read these tables, directly or not, in build order."""
        stale = set(touched)
        for name, model in self.models.items():
            if model.depends_on & stale:
                stale.add(name)
        return [model for name, model in self.models.items() if name in stale]

    def upstream(self, names: Collection[str]) -> set[str]:
        """Return every model that these models (qualified names) read, directly or indirectly."""
        upstream, todo = set[str](), set(names)
        while todo:
            reads = {
                table
                for name in todo
                for table in self.models[name].depends_on
                if table in self.models
            }
            todo = reads - upstream
            upstream |= reads
        return upstream

    def withheld_by(self, test: SqlTest) -> tuple[str, ...]:
        """Return what may not be republished while a test fails: its subjects and their readers.

        The subjects are the marts that the test reads. If one of these marts is made from another,
        the source counts as correct, as it has tests of its own. A test that reads no mart is about
        views; one that reads no model is about raw tables.
        """
        models = [self.models[name] for name in test.depends_on if name in self.models]
        marts = {model.qualified for model in models if model.layer is Layer.MARTS}
        read = marts or {model.qualified for model in models} or set(test.depends_on)
        about = {
            name
            for name in read
            if not read & {model.qualified for model in self.affected({name})} - {name}
        }
        return tuple(sorted(about | {model.qualified for model in self.affected(about)}))

    def home_of(self, test: SqlTest) -> str:
        """Return the model that a test is shown with: its subject, else the last model."""
        subject = self.subject_of(test)
        return subject.qualified if subject else next(reversed(list(self.models)))

    def code(self) -> dict[str, str]:
        """Return the SQL of each model and of the tests that are shown with it.

        If it changes, both must run again.
        """
        code = {name: model.sql for name, model in self.models.items()}
        for test in self.tests.values() if code else ():
            code[self.home_of(test)] += f"\0{test.name}\0{test.sql}"
        return code

    def tests_of(self, built: Collection[str]) -> list[SqlTest]:
        """Return the tests that read any of these built models, or no model at all."""
        return [
            test
            for test in self.tests.values()
            if not self.subject_of(test) or test.depends_on & set(built)
        ]

    def subject_of(self, test: SqlTest) -> Model | None:
        """Return the last model, in build order, that a test reads; None if it reads none."""
        read = [model for name, model in self.models.items() if name in test.depends_on]
        return read[-1] if read else None


def touched_by(datasets: Iterable[str]) -> set[str]:
    """Return the tables that a load of these datasets writes, and that models may read.

    Raises:
        KeyError: there is no such dataset.
    """
    touched = {"ops.loaded_files", "ops.arrivals"}
    for dataset in (DATASETS[name] for name in datasets):
        touched.add(dataset.table)
        if dataset.keeps_history:
            touched.add(history_table(dataset).name)
    return touched


def default_folder() -> Path:
    """Return `dbt_like_sql/` of the installed package, or of the checkout."""
    package = Path(analytics_pipeline.__file__).parent
    installed = package / "_dbt_like_sql"
    return installed if installed.is_dir() else package.parent / "dbt_like_sql"


def load_project(folder: Path | None = None) -> Project:
    """Load every model and test of a folder.

    Args:
        folder: holds `staging/`, `marts/` and `tests/`; by default the project's own.

    Raises:
        InvalidModel: a file is invalid, models depend on each other in a cycle, or one reads an
            unknown table.
    """
    project, problems = load_usable(folder)
    if problems:
        raise InvalidModel(problems[0])
    return project


def load_usable(folder: Path | None = None) -> tuple[Project, list[str]]:
    """Load the valid models and tests of a folder.

    Also return why the others, and their readers, are omitted.

    Args:
        folder: as for `load_project`.
    """
    folder, problems = folder or default_folder(), list[str]()
    parsed = [
        model
        for layer in Layer
        for model in _parsed(partial(parse_model, layer), folder / layer, problems)
    ]
    tests = _parsed(parse_test, folder / "tests", problems)
    models = _buildable({model.qualified: model for model in parsed}, problems)
    usable = {test.name: test for test in tests if _is_usable(test, models, problems)}
    project = Project({name: models[name] for name in _in_order(models)}, usable)
    # What a query is made of is known once all that it reads is loaded.
    versioned = {name: _with_input(model, project) for name, model in project.models.items()}
    checked = {name: _with_version(test, project) for name, test in usable.items()}
    return Project(versioned, checked), problems


def _is_usable(test: SqlTest, models: Mapping[str, Model], problems: list[str]) -> bool:
    if unknown := _unknown(test, models):
        problems.append(_reads_unknown(f"tests/{test.name}", unknown))
        return False
    if test.days and not any(models[name].days for name in test.days if name in models):
        problems.append(
            f"tests/{test.name}.sql: a test by day must read a mart by day: it is run whole"
            " whenever such a mart is built whole."
        )
        return False
    return True


def _with_input(model: Model, project: Project) -> Model:
    """Return a model by day with the input to hash, and a version of everything except
    the input that affects its rows.
    """
    if (by_day := model.by_day) is None:
        return model
    view = project.models.get(by_day.source)
    while view and view.is_view and view.by_day and view.by_day.day == by_day.day_of_input:
        below = view.by_day
        by_day = replace(by_day, input=below.source, day_of_input=below.day_of_source)
        view = project.models.get(below.source)
    return replace(model, by_day=replace(by_day, version=_version(project, {model.qualified})))


def _with_version(test: SqlTest, project: Project) -> SqlTest:
    """Return a test by day with a version of everything except rows that affects its verdict."""
    reads = test.days.keys() & project.models.keys()
    return replace(test, version=_version(project, reads, test.sql)) if test.days else test


def _version(project: Project, names: Collection[str], sql: str = "") -> str:
    """Return a digest of other SQL, that of models and all that they read, and releases."""
    texts = [project.models[name].sql for name in sorted({*names, *project.upstream(names)})]
    decides = "\0".join([*texts, sql, duckdb.__version__, version("analytics-pipeline")])
    return hashlib.sha256(decides.encode()).hexdigest()


def _parsed(parse: Callable[[str, str], Parsed], folder: Path, problems: list[str]) -> list[Parsed]:
    """Parse the files of a folder by name and text; add why others are invalid to `problems`.

    If a query reads one of the warehouse's own views, it depends on the tables of the view, as only
    these are touched by a load.
    """
    views = {view.name: view.reads for view in tables() if view.query}
    queries = []
    for path in sorted(folder.glob("*.sql")):
        try:
            query = parse(path.stem, path.read_text("utf-8"))
        except InvalidModel as error:
            problems.append(str(error))
            continue
        reads = (table for name in query.depends_on for table in views.get(name, {name}))
        queries.append(replace(query, depends_on=frozenset(reads)))
    return queries


def _buildable(models: Mapping[str, Model], problems: list[str]) -> Mapping[str, Model]:
    """Remove models that read unknown tables, and cycles, until all others are valid."""
    while True:
        unknown = {
            name: reads for name, model in models.items() if (reads := _unknown(model, models))
        }
        cycle = [] if unknown else _cycle(models)
        problems += [_reads_unknown(name, reads) for name, reads in unknown.items()]
        if cycle:
            problems.append(f"models read each other in a cycle: {' -> '.join(cycle)}")
        if not unknown and not cycle:
            return models
        models = {name: model for name, model in models.items() if name not in {*unknown, *cycle}}


def _unknown(query: Model | SqlTest, models: Mapping[str, Model]) -> list[str]:
    """Return the tables that a query reads, but that neither the ingest nor a model creates."""
    unknown = query.depends_on - models.keys()
    return sorted(unknown - {table.name for table in tables()}) if unknown else []


def _reads_unknown(name: str, unknown: Sequence[str]) -> str:
    return f"{name} reads {', '.join(unknown)}, which neither the ingest nor a model creates."


def _in_order(models: Mapping[str, Model]) -> list[str]:
    graph = {name: sorted(model.depends_on & models.keys()) for name, model in models.items()}
    return list(TopologicalSorter(graph).static_order())


def _cycle(models: Mapping[str, Model]) -> list[str]:
    """Return models that read each other in a cycle, the first one twice; may be empty."""
    try:
        _in_order(models)
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
