"""Commands about a run: train-fold, train, evaluate, submit. Heavy imports stay inside the commands."""

from pathlib import Path

import click

from lsdc.cli.on_reports import leave_summary
from lsdc.cli.on_scores import check_options, file_options, print_file_scores
from lsdc.cli.options import config_options, data_option, run_option


@click.command("train-fold")
@click.option("--fold", type=int, required=True, help="The fold to hold out, counted from 0.")
@config_options
@data_option
@run_option
def train_fold(fold: int, config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None) -> None:
    """Train detector and classifier of one fold, predict its held-out studies, and score them."""
    _train([fold], config, overrides, data, run_name)


@click.command("train-detector")
@click.option("--fold", type=int, required=True, help="The fold to hold out, counted from 0.")
@config_options
@data_option
@run_option
def train_detector(
    fold: int, config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None
) -> None:
    """Train only the detector of one fold, locate its held-out studies, and measure the locations.

    train-fold goes on from there, in the same run.
    """
    _train([fold], config, overrides, data, run_name, locate_only=True)


@click.command()
@config_options
@data_option
@run_option
def train(config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None) -> None:
    """Train every fold, one after the other, and score them together."""
    _train(None, config, overrides, data, run_name)


def _train(folds, config, overrides, data, run_name, *, locate_only: bool = False) -> None:
    from lsdc.cli.data import open_data, run_path, show_settings
    from lsdc.config import load_settings
    from lsdc.device import choose_device
    from lsdc.errors import FoldError
    from lsdc.ranks import rank, wait_until
    from lsdc.runs import RunFolder

    settings = load_settings(config, overrides)
    show_settings(settings, config, overrides)
    if settings.folds.file is None and any(not 0 <= fold < settings.folds.count for fold in folds or []):
        raise FoldError("a fold that does not exist", wanted=f"0 to {settings.folds.count - 1}", got=folds[0],
                        where=config, remedy="choose one of these with FOLD=..., or change folds.count")
    if data is not None and not data.is_dir():  # before anything slow
        open_data(data, settings)
    click.echo(f"device: {choose_device(settings.compute)}", err=True)

    from lsdc.train import check_models, open_run, train_fold

    check_models(settings)
    path = run_path(run_name, config)
    if rank():
        wait_until(RunFolder(path).config.exists)
    folder = open_data(data, settings)

    from lsdc.folds import make_or_read_folds, training_studies

    made = make_or_read_folds(RunFolder(path).folds, folder.grades, settings.folds)
    for fold in folds or []:  # what cannot be used leaves no run behind
        training_studies(made, fold)
    run = open_run(path, settings, folder.root, config=config, overrides=overrides)
    for fold in folds or sorted(set(made.fold.tolist())):
        train_fold(folder, settings, fold, run, locate_only=locate_only)
    if rank():
        return
    if locate_only:
        _print_locations(run, folder, settings, [], None, as_json=False)
    else:
        _print_evaluation(run, folder, settings)


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
        _print_locations(run, folder, settings, beside, picture, as_json=as_json)
    else:
        _print_evaluation(run, folder, settings, as_json=as_json, decision=decision)


def _print_locations(run, folder, settings, beside, picture, *, as_json: bool) -> None:
    import json

    from lsdc.evaluate import evaluate_locations
    from lsdc.files import write_json

    result = evaluate_locations(run, folder, settings.evaluation, beside=beside)
    click.echo(json.dumps(result.figures, indent=1) if as_json else result.text)
    write_json(run.locations_evaluation, result.figures)
    if picture:
        from lsdc.show import draw_worst

        draw_worst(folder, result.errors, picture, truth=result.truth, run=run.path.name)
        click.echo(f"worst cases: {picture}", err=True)


def _print_evaluation(run, folder, settings, *, as_json: bool = False, decision: str = "weighted") -> None:
    import json

    from lsdc.evaluate import evaluate_run
    from lsdc.evaluate.agreement import Decision
    from lsdc.files import write_json

    result = evaluate_run(run, folder, settings.evaluation, decision=Decision(decision))
    click.echo(json.dumps(result.figures, indent=1) if as_json else result.text)
    write_json(run.evaluation, result.figures)
    if fault := leave_summary(run):
        click.echo(f"no summary.html: {fault} (make setup)", err=True)


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
    click.echo(f"{target / 'submission.csv'}: {manifest['rows']} rows of {manifest['studies']} studies from {source}; "
               f"{manifest['fallback_rows']} rows are priors")
    for cause, rows in manifest["fallbacks"].items():
        click.echo(f"  {rows:5d} rows: {cause}")
    try:
        write_ledger(out, read_ledger(out)[0])
    except TableError as error:  # of leaderboard.csv; the submission is whole all the same
        click.echo(f"no ledger.csv: {error}", err=True)
