"""Commands that train: train-detector, train-fold, train. Heavy imports stay inside the commands."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from lsdc.cli.launching import launch_of, launch_options
from lsdc.cli.on_runs import print_evaluation, print_locations
from lsdc.cli.options import CONFIG, config_options, data_option, overrides_option, run_option
from lsdc.cli.say import say
from lsdc.cli.trials import FoldList

if TYPE_CHECKING:
    from lsdc.competition import CompetitionFolder
    from lsdc.config import Settings
    from lsdc.runs import RunFolder


class _Folds(FoldList):
    """Numbers with commas between them, or `all`, which is no number at all."""

    def convert(self, value, param, ctx) -> tuple[int, ...]:
        return () if value == "all" else super().convert(value, param, ctx)


class _Opened(NamedTuple):
    """A run that can be trained: folds are those asked for."""

    folder: "CompetitionFolder"
    settings: "Settings"
    run: "RunFolder"
    folds: list[int]


@click.command("train-fold")
@click.option("--fold", type=int, required=True, help="The fold to hold out, counted from 0.")
@config_options
@data_option
@run_option
def train_fold(fold: int, config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None) -> None:
    """Train detector and classifier of one fold, predict its held-out studies, and score them."""
    _in_turn(_open((fold,), config, overrides, data, run_name))


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
    _in_turn(_open((fold,), config, overrides, data, run_name), locate_only=True)


@click.command()
@click.option("--folds", type=_Folds(), default="all", show_default=True, metavar="all|0,1,...",
              help="The folds to hold out, one after the other.")
@click.option("--config", "configs", type=click.Path(path_type=Path), multiple=True, default=(CONFIG,),
              show_default=True, help="The settings of the run; given several times, each is a run of its own.")
@overrides_option
@data_option
@run_option
@launch_options
def train(folds: tuple[int, ...], configs: tuple[Path, ...], overrides: tuple[str, ...], data: Path | None,
          run_name: str | None, cluster: str | None, at_once: int | None, launch_words: tuple[str, ...]) -> None:
    """Train every fold, or those named, and score them together.

    One fold after the other, or with --launch each as a task of its own, several at once:

    \b
      lsdc train --launch local --at-once 2
      lsdc train --config a.yaml --config b.yaml --launch slurm --launch-option gpus=1 --launch-option partition=gpu
    """
    launch = launch_of(cluster, at_once, launch_words)
    if len(configs) > 1 and (run_name or len({config.stem for config in configs}) < len(configs)):
        raise click.UsageError("several --config make a run each, of the config's name: give configs of different "
                               "names, and no --run")
    if launch is None:
        for config in configs:
            _in_turn(_open(folds, config, overrides, data, run_name))
        return
    from lsdc.scale.executors import need
    from lsdc.scale.training import train_in_tasks

    need(launch)
    opened = [_open(folds, config, overrides, data, run_name, elsewhere=True) for config in configs]
    train_in_tasks(opened, launch)
    for one in opened:
        print_evaluation(one.run, one.folder, one.settings)


def _open(folds: tuple[int, ...], config: Path, overrides: tuple[str, ...], data: Path | None, run_name: str | None, *,
          elsewhere: bool = False) -> _Opened:
    """Settings checked, data opened or made, and the run begun or met again. elsewhere: tasks find their own device."""
    from lsdc.cli.data import open_data, run_path, show_settings
    from lsdc.config import load_settings
    from lsdc.device import choose_device
    from lsdc.errors import FoldError
    from lsdc.ranks import rank, wait_until
    from lsdc.runs import RunFolder

    settings = load_settings(config, overrides)
    show_settings(settings, config, overrides)
    if settings.folds.file is None and (unknown := [fold for fold in folds if not 0 <= fold < settings.folds.count]):
        raise FoldError("a fold that does not exist", wanted=f"0 to {settings.folds.count - 1}", got=unknown[0],
                        where=config, remedy="choose one of these with FOLD=..., or change folds.count")
    if data is not None and not data.is_dir():  # before anything slow
        open_data(data, settings)
    if not elsewhere:
        say(f"device: {choose_device(settings.compute)}", err=True)

    from lsdc.train import check_models, open_run

    check_models(settings)
    path = run_path(run_name, config)
    if rank():
        wait_until(RunFolder(path).config.exists)
    folder = open_data(data, settings)

    from lsdc.folds import make_or_read_folds, training_studies

    made = make_or_read_folds(RunFolder(path).folds, folder.grades, settings.folds)
    for fold in folds:  # what cannot be used leaves no run behind
        training_studies(made, fold)
    run = open_run(path, settings, folder.root, config=config, overrides=overrides)
    return _Opened(folder, settings, run, list(folds) or sorted(set(made.fold.tolist())))


def _in_turn(opened: _Opened, *, locate_only: bool = False) -> None:
    """Train the folds in this process, one after the other, and print what came of them."""
    from lsdc.ranks import rank
    from lsdc.train import train_fold

    folder, settings, run, folds = opened
    for fold in folds:
        train_fold(folder, settings, fold, run, locate_only=locate_only)
    if rank():
        return
    if locate_only:
        print_locations(run, folder, settings, [], None, as_json=False)
    else:
        print_evaluation(run, folder, settings)
