"""The errors that can be foreseen, gathered: their text says what to do, so the doors show it without a traceback.

Each is defined where it is raised.
"""

from analytics_pipeline.disk import DiskFull
from analytics_pipeline.folders import FolderOpen
from analytics_pipeline.ingest.plan import AnotherOrganisation
from analytics_pipeline.settings import SettingsError
from analytics_pipeline.vocareum.errors import VocareumError
from analytics_pipeline.warehouse.connection import WarehouseUnusable
from analytics_pipeline.warehouse.schema import MigrationFailed, SchemaTooNew

FORESEEABLE = (
    SettingsError,
    VocareumError,
    WarehouseUnusable,
    SchemaTooNew,
    MigrationFailed,
    AnotherOrganisation,
    DiskFull,
    FolderOpen,
)
