"""Commands about a trained run: evaluate, submit. Heavy imports stay inside the commands."""

from pathlib import Path

import click

from lsdc.cli.on_reports import leave_summary
from lsdc.cli.on_scores import check_options, file_options, print_file_scores
from lsdc.cli.options import config_options, data_option, run_option
from lsdc.cli.say import say


@click.command()
@config_options
@data_option
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as json instead of tables.")
@click.option("--locations", is_flag=True, help="Measure the locations instead: mm, slices, right levels and sides, "
              "mAP. Works as soon as a fold is located.")
@click.option("--beside", "others", multiple=True, metavar="RUN",
              help="With --locations: another run in the same tables, on the studies that all share. May be repeated.")
@click.option("--picture", type=click.Path(path_type=Path), help="With --locations: draw the worst cases to this PNG.")
@file_options
def evaluate(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, as_json: bool,
             locations: bool, others: tuple[str, ...], picture: Path | None, truth: Path | None,
             predictions: tuple[str, ...], more: tuple[str, ...], normalise: bool, complete: bool, decision: str
             ) -> None:
    """Score the out-of-fold predictions of a run beside the priors and the phantom's floor.

    With --locations, measure where its detector found the 25 targets, against the annotated points and the phantom's
    true keypoints.

    With --truth and --predictions, score files of predictions instead, whole or partial, and compare them in pairs:

    \b
      lsdc evaluate --truth train.csv --predictions a.csv b.csv          two models
      lsdc evaluate --truth train.csv --predictions mine=f0.csv,f1.csv   one model in two files
    """
    from lsdc.cli.data import need_png, open_data, open_finished_run, same_data

    words = (*predictions, *more)
    check_options(truth, words, {"--normalise": normalise, "--complete": complete},
                  {"--run": run_name, "--locations": locations, "--beside": others, "--picture": picture})
    if truth is not None:
        print_file_scores(truth, words, config, overrides, normalise=normalise, complete=complete, decision=decision,
                          as_json=as_json)
        return
    if not locations and (others or picture):
        raise click.UsageError("--beside and --picture go with --locations")
    need_png(picture)
    run, settings = open_finished_run(run_name, config, overrides)
    beside = [open_finished_run(name, config, ())[0] for name in others]
    folder = open_data(data, settings, run)
    for one in (run, *beside):
        same_data(one, folder.root)
    if locations:
        print_locations(run, folder, settings, beside, picture, as_json=as_json)
    else:
        print_evaluation(run, folder, settings, as_json=as_json, decision=decision)


def print_locations(run, folder, settings, beside, picture, *, as_json: bool) -> None:
    """Measure the places of a run's located folds, print the tables, and leave the figures in the run."""
    import json

    from lsdc.evaluate import evaluate_locations
    from lsdc.files import alone, write_json

    result = evaluate_locations(run, folder, settings.evaluation, beside=beside)
    say(json.dumps(result.figures, indent=1) if as_json else result.text)
    with alone(run.locations_evaluation):
        write_json(run.locations_evaluation, result.figures)
    if picture:
        from lsdc.show import draw_worst

        draw_worst(folder, result.errors, picture, truth=result.truth, run=run.path.name)
        say(f"worst cases: {picture}", err=True)


def print_evaluation(run, folder, settings, *, as_json: bool = False, decision: str = "weighted") -> None:
    """Score a run's finished folds, print the tables, and leave figures and summary in the run."""
    import json

    from lsdc.evaluate import evaluate_run
    from lsdc.evaluate.agreement import Decision
    from lsdc.files import alone, write_json

    result = evaluate_run(run, folder, settings.evaluation, decision=Decision(decision))
    say(json.dumps(result.figures, indent=1) if as_json else result.text)
    with alone(run.evaluation):  # the summary is of this evaluation
        write_json(run.evaluation, result.figures)
        fault = leave_summary(run)
    if fault:
        say(f"no summary.html: {fault} (make setup)", err=True)


@click.command()
@config_options
@data_option
@run_option
@click.option("--blend", "blend_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Blend the runs that this file of `lsdc blend` names, instead of one run.")
@click.option("--name", help="Folder below submissions/. By default the name of the run or of the blend file.")
@click.option("--replace", is_flag=True, help="Overwrite a submission of that name.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("submissions"), show_default=True)
def submit(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, blend_file: Path | None,
           name: str | None, replace: bool, out: Path) -> None:
    """Run every trained fold over the test part and write a checked submission.csv with its manifest."""
    from lsdc.cli.data import open_data, open_finished_run, plain_name
    from lsdc.config import runs_root

    if blend_file is not None and run_name is not None:
        raise click.UsageError("--run and --blend exclude each other: a blend file names its runs")
    if blend_file is not None:
        from lsdc.submit import open_blend

        run_name = open_blend(blend_file, runs_root())[0].members[0].run  # its data and device settings
    run, settings = open_finished_run(run_name, config, overrides)
    folder = open_data(data, settings, run, training=False)

    from lsdc.errors import TableError
    from lsdc.report.ledger import read_ledger, write_ledger
    from lsdc.submit import make_blended_submission, make_submission

    target = out / plain_name(name or (run.path.name if blend_file is None else blend_file.stem))
    if blend_file is None:
        manifest = make_submission(folder, run, settings.compute, target, replace=replace)
        source = f"folds {', '.join(map(str, manifest['folds']))}"
    else:
        manifest = make_blended_submission(folder, blend_file, runs_root(), settings.compute, target, replace=replace)
        source = f"the runs {', '.join(one['run'] for one in manifest['blend']['runs'])}"
    say(f"{target / 'submission.csv'}: {manifest['rows']} rows of {manifest['studies']} studies from {source}; "
        f"{manifest['fallback_rows']} rows are priors")
    for cause, rows in manifest["fallbacks"].items():
        say(f"  {rows:5d} rows: {cause}")
    try:
        write_ledger(out, read_ledger(out)[0])
    except TableError as error:  # of leaderboard.csv; the submission is whole all the same
        say(f"no ledger.csv: {error}", err=True)
