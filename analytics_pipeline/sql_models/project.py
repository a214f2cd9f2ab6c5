"""All models and tests of a folder, in the order in which they build, and what a load makes stale.

How one file is read belongs in `model.py`; nothing here touches a database.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import analytics_pipeline
from analytics_pipeline.datasets import DATASETS
from analytics_pipeline.sql_models.model import InvalidModel, Layer, Model, SqlTest, parse_model, parse_test
from analytics_pipeline.warehouse.schema import history_table, tables


@dataclass(frozen=True)
class Project:
    """The models and tests of a folder.

    Attributes:
        models: by qualified name, each after those that it reads.
        tests: by name.
    """

    models: Mapping[str, Model]
    tests: Mapping[str, SqlTest]

    def select(self, names: Iterable[str]) -> list[Model]:
        """The models of these qualified names, in build order.

        Raises:
            KeyError: there is no such model.
        """
        if unknown := set(wanted := list(names)) - self.models.keys():
            raise KeyError(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(self.models)}")
        return [model for name, model in self.models.items() if name in wanted]

    def affected(self, touched: Collection[str]) -> list[Model]:
        """The models that read any of these tables (qualified names), directly or through others, in build order."""
        stale = set(touched)
        for name, model in self.models.items():
            if model.depends_on & stale:
                stale.add(name)
        return [model for name, model in self.models.items() if name in stale]

    def withheld_by(self, test: SqlTest) -> tuple[str, ...]:
        """The tables that can't be published anew while a test fails: those that it is about, and all models that read them.

        It is about the marts that it reads and compares with what they are made of. A mart of which another one here is made
        counts as right: it has tests of its own. A test that reads no mart is about views, one without models about raw tables.
        """
        models = [self.models[name] for name in test.depends_on if name in self.models]
        marts = {model.qualified for model in models if not model.is_view}
        read = marts or {model.qualified for model in models} or set(test.depends_on)
        about = {name for name in read if not read & {model.qualified for model in self.affected({name})} - {name}}
        return tuple(sorted(about | {model.qualified for model in self.affected(about)}))

    def home_of(self, test: SqlTest) -> str:
        """The model that a test is shown with: its subject or, if it reads no model, the last of all."""
        subject = self.subject_of(test)
        return subject.qualified if subject else next(reversed(list(self.models)))

    def tests_of(self, built: Collection[str]) -> list[SqlTest]:
        """The tests to run once these models (qualified names) were built: those that read any, and those that read none."""
        return [test for test in self.tests.values() if not self.subject_of(test) or test.depends_on & set(built)]

    def subject_of(self, test: SqlTest) -> Model | None:
        """The model that a test is about: the last to be built of those it reads; None if it reads no model."""
        read = [model for name, model in self.models.items() if name in test.depends_on]
        return read[-1] if read else None


def touched_by(datasets: Iterable[str]) -> set[str]:
    """The tables that a load of these datasets writes and models may read.

    Raises:
        KeyError: there is no such dataset.
    """
    touched = {"ops.loaded_files", "ops.failed_files", "ops.arrivals"}
    for dataset in (DATASETS[name] for name in datasets):
        touched.add(dataset.table)
        if dataset.keeps_history:
            touched.add(history_table(dataset).name)
    return touched


def default_folder() -> Path:
    """`dbt_like_sql/`: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(analytics_pipeline.__file__).parent
    installed = package / "_dbt_like_sql"
    return installed if installed.is_dir() else package.parent / "dbt_like_sql"


def load_project(folder: Path | None = None) -> Project:
    """Read every model and test of a folder.

    Args:
        folder: holds `staging/`, `marts/` and `tests/`; the project's own by default.

    Raises:
        InvalidModel: a file can't be used, models read one another in a circle, or one reads a table that nothing makes.
    """
    folder = folder or default_folder()
    found = [
        parse_model(layer, path.stem, path.read_text("utf-8")) for layer in Layer for path in _files(folder / layer)
    ]
    tests = [parse_test(path.stem, path.read_text("utf-8")) for path in _files(folder / "tests")]
    models = {model.qualified: model for model in found}
    known = models.keys() | {table.name for table in tables()}
    for name, reads in [(m.qualified, m.depends_on) for m in found] + [
        (f"tests/{t.name}", t.depends_on) for t in tests
    ]:
        if strange := sorted(reads - known):
            raise InvalidModel(f"{name} reads {', '.join(strange)}, which neither the ingest nor any model makes.")
    return Project({name: models[name] for name in _in_order(models)}, {test.name: test for test in tests})


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.sql"))


def _in_order(models: Mapping[str, Model]) -> list[str]:
    graph = {name: sorted(model.depends_on & models.keys()) for name, model in models.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise InvalidModel(f"models read one another in a circle: {' -> '.join(reversed(error.args[1]))}") from error
