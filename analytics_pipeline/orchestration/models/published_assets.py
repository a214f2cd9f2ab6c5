"""The outputs of the pipeline as assets: the file that analysts open, and the report page.

They follow the models. `warehouse/publish.py` and `report/` write them.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import dagster as dg

from analytics_pipeline.datasets import Cadence
from analytics_pipeline.orchestration.asset_keys import Location
from analytics_pipeline.orchestration.models.automation import with_asset
from analytics_pipeline.orchestration.raw.checks.delivery import FRESHNESS
from analytics_pipeline.orchestration.resources import WarehouseResource
from analytics_pipeline.orchestration.runs.step_failures import report_step_errors
from analytics_pipeline.orchestration.ui import metadata as ui_metadata
from analytics_pipeline.orchestration.ui.labels import pii_tag
from analytics_pipeline.sql_models import Project, model_texts
from analytics_pipeline.storage.store import Store, Superseded
from analytics_pipeline.warehouse.checks import Check, errors, read
from analytics_pipeline.warehouse.ledger import PROBLEMS
from analytics_pipeline.warehouse.publish import Published, publish

GROUP = "published"
WHOLE = "nothing_is_withheld"
_WHOLE_DESCRIPTION = (
    "A failing test keeps the marts that it is about, and all that read them, in their previous"
    " published state; the rest is published. They are published again with the first build after"
    " which the test passes."
)


def published_asset(
    project: Project,
    location: Location,
    *,
    pii: bool,
    condition: dg.AutomationCondition,
) -> dg.AssetsDefinition:
    """Return the asset of the published file, which is replaced atomically after the models."""
    privacy = (
        "with emails, names and free text (PUBLISH_PII=true)"
        if pii
        else "without emails, names and free text"
    )

    @dg.asset(
        key=location.published,
        deps=[location.model_key(name) for name in (*project.models, *PROBLEMS)],
        group_name=GROUP,
        description=(
            f"The DuckDB file that analysts open at any time, {privacy}. Replaced atomically."
        ),
        kinds={"duckdb"},
        tags={"layer": GROUP, **pii_tag(is_personal=pii)},
        freshness_policy=FRESHNESS[Cadence.DAILY],
        automation_condition=condition,
        # The daemon publishes again when it changes: private columns must not stay until a load.
        code_version=f"PUBLISH_PII={pii}",
        check_specs=[
            dg.AssetCheckSpec(
                WHOLE,
                asset=location.published,
                description=_WHOLE_DESCRIPTION,
                automation_condition=with_asset(location.published),
            )
        ],
    )
    def analytics(warehouse: dg.ResourceParam[WarehouseResource]) -> dg.MaterializeResult:
        return _publish(warehouse, project, location, pii=pii)

    return analytics


def _publish(
    warehouse: WarehouseResource, project: Project, location: Location, *, pii: bool
) -> dg.MaterializeResult:
    """Publish, and return what became of it.

    Raises:
        dg.Failure: nothing could be published, and there is no previous file.
    """
    target, store = warehouse.published, warehouse.store
    with report_step_errors(), warehouse.get_connection() as connection:
        texts = partial(model_texts, project)
        done = publish(connection, target, pii=pii, store=store, model_texts=texts)
        failing = errors(read(connection))
    if not done.is_written:
        reasons = "\n".join(str(check) for check in failing)
        raise dg.Failure(
            f"Nothing was published, and there is no previous file.\n{reasons}",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(target)),
            **_stored(store, target),
            **_figures(done),
        },
        check_results=[_whole(location, done, failing)],
    )


def _stored(store: Store, file: Path) -> ui_metadata.Metadata:
    """Return the address of the pointer to the file; nothing without a store."""
    address = store.describe(file.name)
    return {"store": address} if address else {}


def _figures(done: Published) -> ui_metadata.Metadata:
    return {
        "bytes": done.bytes,
        "seconds": round(done.seconds, 3),
        "tables": ui_metadata.table(["table", "rows"], sorted(done.rows.items())),
        "dagster/row_count": sum(done.rows.values()),
    }


def _whole(location: Location, done: Published, failing: Sequence[Check]) -> dg.AssetCheckResult:
    """Check that every table is published in its current state.

    Only a warning, as the failing checks alert themselves.
    """
    return dg.AssetCheckResult(
        asset_key=location.published,
        check_name=WHOLE,
        passed=not done.withheld,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n".join(
            [*done.withheld, *(str(check) for check in failing if check.withholds)]
        )
        or "Every table is published as it is in the warehouse.",
    )


def report_asset(location: Location, condition: dg.AutomationCondition) -> dg.AssetsDefinition:
    """Return the asset of the report page, which is built from the published file."""

    @dg.asset(
        key=location.report,
        deps=[location.published],
        group_name=GROUP,
        description=(
            "One self-contained page with charts of spend, use and completeness, without names or"
            " emails."
        ),
        kinds={"html"},
        tags={"layer": GROUP},
        freshness_policy=FRESHNESS[Cadence.DAILY],
        automation_condition=condition,
    )
    def report(
        context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[WarehouseResource]
    ) -> dg.MaterializeResult:
        """Write `report.html` from the published file."""
        from analytics_pipeline.report import write_report  # Altair takes a second to import

        store, target = warehouse.store, warehouse.report
        with report_step_errors():
            published = warehouse.published_file()
            if published.notice:
                context.log.warning(published.notice)
            try:
                write_report(
                    published.path,
                    target,
                    warehouse.report_timezone,
                    cache_dir=warehouse.cache_dir,
                    store=store,
                )
            except Superseded as later:  # the store's report is that of a later published file
                context.log.warning(later.message)
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(target)),
                **_stored(store, target),
                "bytes": target.stat().st_size,
            }
        )

    return report
