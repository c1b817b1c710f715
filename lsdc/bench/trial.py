"""Variants trained on one competition folder: the first one's detectors, folds and places serve them all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lsdc.competition import CompetitionFolder
from lsdc.config import Variant
from lsdc.errors import ConfigError, LsdcError
from lsdc.folds import make_or_read_folds, training_studies
from lsdc.runs import RunFolder
from lsdc.train import check_models, open_run, train_fold
from lsdc.train.share import disagreements, share_locations


@dataclass(frozen=True, eq=False)
class Trial:
    """folds (FOLDS) of the data, those `asked` for, and where each variant's run is: `<runs>/<prefix>-<name>`."""

    folder: CompetitionFolder
    variants: tuple[Variant, ...]
    runs: Path
    prefix: str
    folds: pd.DataFrame
    asked: tuple[int, ...]

    @property
    def first(self) -> Variant:
        return self.variants[0]

    def run(self, variant: Variant) -> RunFolder:
        return run_of(variant, self.runs, self.prefix)


def run_of(variant: Variant, runs: Path, prefix: str) -> RunFolder:
    """The run of a variant, which may not exist yet."""
    return RunFolder(Path(runs) / f"{prefix}-{variant.name}")


def open_trial(
    folder: CompetitionFolder, variants: Sequence[Variant], runs: Path, prefix: str, *, folds: Sequence[int] = ()
) -> Trial:
    """A trial on these folds, all where none is named; FoldError for one that does not exist. Writes nothing."""
    made = make_or_read_folds(run_of(variants[0], runs, prefix).folds, folder.grades, variants[0].settings.folds)
    for fold in folds:
        training_studies(made, fold)
    return Trial(folder, tuple(variants), Path(runs), prefix, made,
                 tuple(sorted(set(folds) or set(made["fold"].tolist()))))


def check_variants(variants: Sequence[Variant], only: Collection[str] = ()) -> None:
    """ConfigError, before anything slow, for a name of `only` that no variant has, settings that cannot share the
    first one's detectors, or a network that cannot be built.
    """
    names = [variant.name for variant in variants]
    if unknown := sorted(set(only) - set(names)):
        raise ConfigError("there is no row of this name", wanted=", ".join(names), got=", ".join(unknown),
                          remedy="choose among these with --only")
    if faults := [f"{variant.name}: {line}" for variant in variants
                  for line in disagreements(variants[0].settings, variant.settings)]:
        raise ConfigError(f"what is compared here shares the detectors of {names[0]}", got="\n          ".join(faults),
                          wanted="the same seed, folds and detector", remedy="leave these settings as they are")
    for variant in variants:
        check_models(variant.settings)


def train_trial(trial: Trial, only: Collection[str] = ()) -> None:
    """Train what is not finished of the variants named (all where none is) on the folds asked for.

    ConfigError before anything is trained when a run was made with other settings or data.
    """
    wanted = [variant for variant in trial.variants if not only or variant.name in only]
    for variant in {trial.first.name: trial.first, **{one.name: one for one in wanted}}.values():
        if trial.run(variant).config.exists():
            _open(trial, variant)
    located = _open(trial, trial.first)
    for fold in trial.asked:
        train_fold(trial.folder, trial.first.settings, fold, located, locate_only=True)
    for variant in wanted:
        run = _open(trial, variant)
        for fold in trial.asked:
            if variant is not trial.first:
                share_locations(located, run, fold)
            train_fold(trial.folder, variant.settings, fold, run)


def why_unfinished(trial: Trial, variant: Variant) -> str | None:
    """Why a variant has no row yet, in one line; None when each fold asked for is predicted at the shared places."""
    run = trial.run(variant)
    if not run.config.exists():
        return "not begun"
    try:
        _open(trial, variant)
        if left := [fold for fold in trial.asked if not run.fold(fold).done("predict")]:
            return f"fold {', '.join(map(str, left))} not finished"
        for fold in trial.asked if variant is not trial.first else ():
            share_locations(trial.run(trial.first), run, fold)  # its folder is there, so this only compares
    except LsdcError as error:
        return " ".join(f"{error.problem}: {error.got}".split())
    return None


def _open(trial: Trial, variant: Variant) -> RunFolder:
    return open_run(trial.run(variant).path, variant.settings, trial.folder.root)
