"""The installed command `analytics-pipeline`, also as `python -m analytics_pipeline`. What it does belongs in `cli/`."""

import gc


def main() -> None:
    """Run the command line."""
    # What is imported lives as long as the process: looking for garbage among it took a tenth of a sync, which now ends before the first look.
    gc.set_threshold(1_000_000)
    from analytics_pipeline.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
