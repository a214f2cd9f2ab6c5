"""The installed command `analytics-pipeline`, also `python -m analytics_pipeline`.

The commands are in `cli/`.
"""

import atexit
import gc

COLLECTION_THRESHOLD = 1_000_000
"""New objects after which Python collects garbage. Imported modules live as long as the process;
scanning them took a tenth of a sync, which now ends before the first collection."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(COLLECTION_THRESHOLD)
    # An ending process frees all its memory at once; a last collection took a second of a sync.
    atexit.register(gc.freeze)
    from analytics_pipeline.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
