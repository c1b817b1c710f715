"""From a blend file and its runs to `submissions/<name>/`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lsdc.blend import Blend, Member, read_blend
from lsdc.competition import CompetitionFolder
from lsdc.config import ComputeSettings
from lsdc.errors import DataError
from lsdc.files import file_hash
from lsdc.record import commit
from lsdc.runs import RunFolder
from lsdc.submit.crew import Crew
from lsdc.submit.hands import Hands, hired
from lsdc.submit.make import leave, predicted, reserved
from lsdc.submit.manifest import of_run
from lsdc.submit.recipe import Recipe


def open_blend(path: Path, runs: Path, *, bare: bool = False) -> tuple[Blend, dict[str, RunFolder]]:
    """A blend file, and by the name of its model the finished run of each below `runs`.

    DataError with every fault: a model that is no run, a run that is not there, or whose predictions are no longer
    those that the blend was fitted on. bare: runs reduced to what inference needs will do, without predictions.
    """
    blend, folders, faults = members_of(path, runs, bare=bare)
    if faults:
        raise DataError("this blend cannot be applied", wanted=f"the finished runs that it was fitted on, in {runs}",
                        got="\n          ".join(faults), where=path,
                        remedy="blend these runs anew with `lsdc blend`, or bring the runs named back")
    return blend, folders


def members_of(path: Path, runs: Path, *, bare: bool) -> tuple[Blend, dict[str, RunFolder], list[str]]:
    """A blend file, the run folders that it names by model, there or not, and all that is wrong with them."""
    blend = read_blend(path)
    folders = {member.name: RunFolder(runs / member.run) for member in blend.members if member.run is not None}
    return blend, folders, [fault for member in blend.members
                            if (fault := _fault(member, folders.get(member.name), bare))]


def make_blended_submission(
    folder: CompetitionFolder, path: Path, runs: Path, compute: ComputeSettings, out: Path, *, replace: bool = False,
    hire: Callable[[Crew], Hands] = hired,
) -> dict:
    """Predict the test part with every run of a blend file, blend, leave csv and manifest in `out`.

    Errors as `make_submission` and `open_blend`.
    """
    with reserved(out, replace=replace):
        (blend, folders), made_by = open_blend(path, runs), commit()
        recipe = Recipe({name: tuple(run.finished_folds()) for name, run in folders.items()}, Path(path))
        predictions = predicted(folder, recipe, compute, hire)
        return leave(out, folder, predictions, made_of=_made_of(path, blend, folders),
                     out_of_fold=blend.record.get("out_of_fold"), commit=made_by)


def _made_of(path: Path, blend: Blend, folders: Mapping[str, RunFolder]) -> dict:
    runs = [{"model": name, **of_run(run, run.finished_folds())} for name, run in folders.items()]
    return {"blend": {"file": Path(path).name, "sha256": file_hash(path), "runs": runs,
                      "chosen": blend.record.get("chosen"), "fitted_at": blend.record.get("commit")}}


def _fault(member: Member, run: RunFolder | None, bare: bool) -> str:
    if run is None:
        return f"{member.name} came from {', '.join(member.tables)}, which has no models to predict with"
    if not run.config.exists():
        return f"the run {member.run} is not there"
    there = {f"fold{fold.number}": file_hash(fold.predictions) for fold in run.folds_with("predictions.csv")}
    if bare and not there:
        lacking = sorted(set(member.folds) - {fold.number for fold in run.trained_folds()})
        return f"the run {member.run} has no models of folds {', '.join(map(str, lacking))}" if lacking else ""
    if there != dict(member.tables):
        return f"the run {member.run} has other predictions than those that the blend was fitted on"
    return ""
