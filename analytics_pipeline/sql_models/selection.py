"""Select models by name: `course_summary`, `NAME+` with its readers, `+NAME` its sources."""

from collections.abc import Iterable

from analytics_pipeline.errors import PipelineError
from analytics_pipeline.sql_models.model import Model
from analytics_pipeline.sql_models.project import Project


class UnknownModel(PipelineError):
    """No model, or more than one, has the name that was given."""


def find(project: Project, name: str) -> Model:
    """Return the model of a name, with or without its schema.

    Raises:
        UnknownModel: there is none, or both schemas have one.
    """
    matching = [model for model in project.models.values() if name in (model.qualified, model.name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        choices = " or ".join(model.qualified for model in matching)
        raise UnknownModel(f"{name} is the name of two models.", f"Use {choices}.")
    raise UnknownModel(
        f"There is no model {name!r}.", "`analytics-pipeline models list` lists all models."
    )


def select(project: Project, patterns: Iterable[str]) -> list[Model]:
    """Return the models that patterns name, in build order; all of them if there is no pattern.

    Raises:
        UnknownModel: a pattern names no model, or two.
    """
    names = set[str]()
    for pattern in patterns:
        model = find(project, pattern.strip("+"))
        names.add(model.qualified)
        if pattern.endswith("+"):
            names |= {other.qualified for other in project.affected({model.qualified})}
        if pattern.startswith("+"):
            names |= project.upstream({model.qualified})
    return project.select(names or project.models)
