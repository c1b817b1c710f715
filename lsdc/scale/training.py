"""Folds of one or several runs trained as tasks."""

from collections.abc import Sequence

from lsdc.competition import CompetitionFolder
from lsdc.config import Settings
from lsdc.folds import write_or_read_folds
from lsdc.runs import RunFolder
from lsdc.scale.launcher import run_tasks
from lsdc.scale.tasks import Task
from lsdc.scale.terms import Launch
from lsdc.train import train_fold


def train_in_tasks(runs: Sequence[tuple[CompetitionFolder, Settings, RunFolder, Sequence[int]]], launch: Launch
                   ) -> None:
    """Train the folds named of each run, opened before, a task for each; every one ends as `train_fold` leaves it.

    TaskError when some failed at every try; the others are finished then.
    """
    tasks = []
    for folder, settings, run, folds in runs:
        write_or_read_folds(run.folds, folder.grades, settings.folds)  # once, before several want to
        tasks += [Task(f"{run.path.name}-fold{fold}", train_fold, (folder, settings, fold, run), run.path)
                  for fold in folds]
    run_tasks(tasks, launch, "folds")
