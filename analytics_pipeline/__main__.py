"""The installed command `analytics-pipeline`, also as `python -m analytics_pipeline`. What it does belongs in `cli/`."""

import gc

OBJECTS_BEFORE_A_LOOK = 1_000_000
"""New objects after which Python looks for garbage. What is imported lives as long as the process: looking for garbage among
it took a tenth of a sync, which now ends before the first look."""


def main() -> None:
    """Run the command line."""
    gc.set_threshold(OBJECTS_BEFORE_A_LOOK)
    from analytics_pipeline.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
