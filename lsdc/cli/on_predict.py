"""`lsdc predict`: what an offline notebook runs. Heavy imports stay inside the command."""

import os
from pathlib import Path

import click

from lsdc.cli.launching import launch_of, launch_options
from lsdc.cli.options import Number
from lsdc.cli.say import say
from lsdc.cli.trials import FoldList

RERUN = "KAGGLE_IS_COMPETITION_RERUN"  # set where a submission is scored, absent where it is saved


@click.command()
@click.option("--runs", "root", type=click.Path(path_type=Path), envvar="LSDC_RUNS",
              help="The folder of all runs. By default .lsdc/runs.")
@click.option("--run", "run_name", metavar="NAME", help="The run whose trained folds predict: config.yaml and "
              "fold*/{detector,classifier,priors.csv} are all that is read of it.")
@click.option("--blend", "blend_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Blend the runs that this file of `lsdc blend` names, instead of one run.")
@click.option("--folds", type=FoldList(), default=(), metavar="0,1,...", help="Only these folds. By default all.")
@click.option("--data", type=click.Path(path_type=Path), envvar="LSDC_DATA", required=True,
              help="The competition folder: sample_submission.csv, test_series_descriptions.csv, test_images/.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("submission.csv"), show_default=True)
@click.option("--work", type=click.Path(path_type=Path), help="Where finished studies are kept, so that the same "
              "command goes on after a stop, and summary.json is left. By default .lsdc/cache/predict.")
@click.option("--deadline-hours", type=Number(min=0, min_open=True), metavar="H",
              help="Be done so many hours from now, with less effort or priors where it must be.")
@click.option("--deadline-seconds", type=Number(min=0, min_open=True), metavar="S", help="The same in "
              "seconds.")
@click.option("--strict/--lenient", default=None, help="Strict: faults of the data, failed studies or too many priors "
              f"end in an error. By default lenient where {RERUN} is set, else strict.")
@click.option("--fallback-limit", type=Number(0, 1), metavar="SHARE",
              help="Share of rows that priors may answer in a strict run.  [default: 0.10]")
@click.option("--set", "overrides", multiple=True, metavar="COMPUTE.KEY=VALUE",
              help="Change a compute setting of the run; may be given several times.")
@click.option("--shards", type=click.IntRange(min=1), metavar="K", help="With --launch: the tasks that the studies are "
              "split into.")
@launch_options
def predict(root: Path | None, run_name: str | None, blend_file: Path | None, folds: tuple[int, ...], data: Path,
            out: Path, work: Path | None, deadline_hours: float | None, deadline_seconds: float | None,
            strict: bool | None, fallback_limit: float | None, overrides: tuple[str, ...], shards: int | None,
            cluster: str | None, at_once: int | None, launch_words: tuple[str, ...]) -> None:
    """Predict the test part of a folder and leave submission.csv, valid from the first second on.

    The file is written at once with priors and grows study by study. A study that cannot be graded gets priors and is
    counted. Each GPU gets a process of its own; without one, a few processes share the CPU. What can be --set:
    compute.accelerator, .workers, .precision, .batch_size, .detect_batch, .store_gigabytes. With --launch and
    --shards the studies are graded in tasks, several at once here or on a cluster, into the same file.
    """
    from lsdc.cli.data import MAY_CHANGE, plain_name
    from lsdc.config import cache_root, load_settings, runs_root
    from lsdc.errors import ConfigError
    from lsdc.runs import RunFolder
    from lsdc.submit import Recipe, Terms, open_blend, predict_test_part
    from lsdc.submit.salvage import salvaged_blend, salvaged_compute, salvaged_run
    from lsdc.submit.terms import FALLBACK_LIMIT

    if (blend_file is None) == (run_name is None):
        raise click.UsageError("give --run NAME, or --blend FILE, whose runs are named in it")
    if deadline_hours is not None and deadline_seconds is not None:
        raise click.UsageError("give one of --deadline-hours and --deadline-seconds")
    if lost := [text for text in overrides if not text.startswith(MAY_CHANGE[0])]:
        raise ConfigError("a trained run keeps the settings it was made with", got=", ".join(lost), wanted="compute.*",
                          remedy="leave these --set out")
    launch = launch_of(cluster, at_once, launch_words)
    if (launch is None) != (shards is None):
        raise click.UsageError("--launch and --shards go together: where to, and in how many tasks")
    if launch is not None and (deadline_hours is not None or deadline_seconds is not None):
        raise click.UsageError("a deadline is for one machine: with --launch, tasks wait for their turn")
    terms = Terms(
        out, work or cache_root() / "predict", strict=not os.environ.get(RERUN) if strict is None else strict,
        fallback_limit=FALLBACK_LIMIT if fallback_limit is None else fallback_limit,
        deadline_s=deadline_hours * 3600 if deadline_hours is not None else deadline_seconds)
    root = root or runs_root()
    if blend_file is None:
        run = RunFolder(root / plain_name(run_name))
        recipe = Recipe.of_run(run, folds) if terms.strict or not run.config.exists() else salvaged_run(run, folds)
    elif not terms.strict:
        recipe, run = salvaged_blend(blend_file, root, folds)
    else:
        _, members = open_blend(blend_file, root, bare=True)
        run = next(iter(members.values()))
        recipe = Recipe.of_blend(blend_file, members, folds)
    say(f"data: {data}; {'strict' if terms.strict else 'lenient'}", err=True)
    if terms.strict:
        compute = load_settings(run.config, overrides).compute
    else:
        recipe, compute = salvaged_compute(recipe, run.config, overrides)
    if launch is None:
        outcome = predict_test_part(data, recipe, compute, terms)
    else:
        from lsdc.scale.shards import predict_in_shards

        outcome = predict_in_shards(data, recipe, compute, terms, launch, shards)
    say(outcome.text)
    outcome.demand()
