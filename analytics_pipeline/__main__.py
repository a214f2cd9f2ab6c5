"""The installed command `analytics-pipeline`, also as `python -m analytics_pipeline`. What it does belongs in `cli/`."""

import gc


def main() -> None:
    """Run the command line."""
    # Thousands of imported classes live as long as the process: looking for garbage among them took a sixth of a start.
    gc.set_threshold(50_000)
    from analytics_pipeline.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
