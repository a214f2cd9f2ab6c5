"""Why the warehouse can't be used."""

from analytics_pipeline.errors import PipelineError


class WarehouseUnusable(PipelineError):
    """The warehouse can't be opened or written. The message gives reason and remedy."""


class WarehouseBusy(WarehouseUnusable):
    """Another process held the warehouse longer than we were ready to wait."""
