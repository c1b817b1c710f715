"""`lsdc evaluate` of files of predictions instead of a run. Heavy imports stay inside."""

from pathlib import Path

import click

from lsdc.cli.options import CONFIG
from lsdc.cli.say import say

DECISIONS = ("weighted", "plain")


def file_options(command):
    """Options of `lsdc evaluate` for files: --truth, --predictions, FILE..., --normalise, --complete, --decision."""
    for option in (
        click.argument("more", nargs=-1, metavar="[[NAME=]FILE]..."),
        click.option("--decision", type=click.Choice(DECISIONS), default="weighted", show_default=True,
                     help="Grade of a row: the largest probability as it stands, the metric's weights in it, or after "
                     "dividing by 1, 2, 4 (right most often, severe less often)."),
        click.option("--complete", is_flag=True, help="With --predictions: a row of the truth that is not answered is "
                     "a fault."),
        click.option("--normalise", is_flag=True, help="With --predictions: divide each row by its sum."),
        click.option("--predictions", multiple=True, metavar="[NAME=]FILE[,FILE...]",
                     help="With --truth: a model's predictions in submission format, in one file or several that are "
                     "joined. May be repeated, and more may follow, for other models that are compared with it."),
        click.option("--truth", type=click.Path(path_type=Path), help="A train.csv: score files instead of a run."),
    ):
        command = option(command)
    return command


def check_options(truth: Path | None, words: tuple[str, ...], file_only: dict[str, bool], run_only: dict[str, object]
                  ) -> None:
    """UsageError where options of files and options of a run do not go together."""
    if truth is None:
        wrong = [name for name, given in file_only.items() if given]
        if words or wrong:
            raise click.UsageError(f"{', '.join(wrong) or '--predictions'} needs --truth train.csv")
        return
    if not words:
        raise click.UsageError("--truth needs --predictions FILE")
    if wrong := [name for name, given in run_only.items() if given]:
        raise click.UsageError(f"{', '.join(wrong)} is of a run and does not go with --truth and --predictions")


def print_file_scores(truth: Path, words: tuple[str, ...], config: Path, overrides: tuple[str, ...], *,
                      normalise: bool, complete: bool, decision: str, as_json: bool) -> None:
    import json

    from lsdc.config import load_settings
    from lsdc.evaluate.agreement import Decision
    from lsdc.evaluate.file_scores import FileOptions, score_files
    from lsdc.evaluate.file_text import text_of_files

    settings = load_settings(config or CONFIG, overrides).evaluation
    figures = score_files(truth, words, settings, FileOptions(normalise, complete, Decision(decision)))
    say(json.dumps(figures, indent=1) if as_json else text_of_files(figures))
