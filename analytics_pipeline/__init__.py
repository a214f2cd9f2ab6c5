"""From Vocareum's data feed to a DuckDB warehouse.

Only package-wide facts belong here; importing the package touches no network, disk or database.
"""

import atexit
import gc

# A process that ends gives its memory back all at once: looking for garbage in it before took a second of each run.
atexit.register(gc.freeze)
