"""Commands that show what runs left on the disk: runs, summary, report. Heavy imports stay inside the commands."""

from pathlib import Path

import click

from lsdc.cli.options import CONFIG, config_options, data_option, run_option
from lsdc.cli.say import say


@click.command()
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option("--runs", "root", type=click.Path(path_type=Path), envvar="LSDC_RUNS",
              help="The folder of all runs. By default .lsdc/runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the same as json.")
def runs(names: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Compare all runs, or those named, in one table, from what their folders hold.

    A run that was not evaluated, or whose evaluation is not of its predictions, says so instead of showing a score.
    """
    import json
    import shutil
    import sys

    from lsdc.config import runs_root
    from lsdc.report import read_runs, rows_of, text_of_runs, warnings_of

    root = root or runs_root()
    rows = rows_of(read_runs(root, names))
    warnings = warnings_of(rows)
    if as_json:
        say(json.dumps({"root": str(root), "runs": rows, "warnings": warnings}, indent=1))
    elif rows:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        say(text_of_runs(rows, warnings, width=width))
    else:
        say(f"no run in {root} yet: make train-fold FOLD=0 makes one")


@click.command()
@click.option("--config", type=click.Path(path_type=Path), default=CONFIG, show_default=True,
              help="Names the run where --run does not.")
@run_option
def summary(config: Path, run_name: str | None) -> None:
    """Write the one-page summary of a run, summary.html in its folder, from what is there so far.

    train-fold, train and evaluate write it too.
    """
    from lsdc.cli.data import open_run_folder
    from lsdc.errors import LsdcError

    run = open_run_folder(run_name, config)
    if fault := leave_summary(run):
        raise LsdcError("the summary cannot be drawn", got=fault, remedy="make setup")


@click.command()
@config_options
@data_option
@run_option
@click.option("--out", type=click.Path(path_type=Path), help="The folder to write. By default report/ in the run. An "
              "earlier report is replaced, anything else is refused.")
def report(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, out: Path | None) -> None:
    """Write a folder of pages about the finished folds of a run: scores, a worklist, locations, and each study.

    It opens from disk in any browser, without network: index.html.
    """
    from lsdc.cli.data import open_data, open_finished_run, same_data
    from lsdc.errors import LsdcError

    run, settings = open_finished_run(run_name, config, overrides)
    run.finished_folds()  # before the data is looked at
    folder = open_data(data, settings, run)
    same_data(run, folder.root)
    try:
        from lsdc.report.pages import write_report

        page = write_report(run, folder, settings, out or run.report, workers=settings.compute.workers)
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
        raise LsdcError("the pages cannot be drawn", got=f"{error.name} is not installed",
                        remedy="make setup") from error
    say(f"report: {page}")


def leave_summary(run) -> str:
    """Write a run's summary and say where; where a package of the training installation is missing return that."""
    try:
        from lsdc.report import write_summary

        say(f"summary: {write_summary(run)}", err=True)
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "matplotlib"):
            raise
        return f"{error.name} is not installed"
    return ""
