"""From a blend file and its runs to `submissions/<name>/`."""

from collections.abc import Mapping
from pathlib import Path

import torch

from lsdc.blend import Blend, Member, read_blend
from lsdc.competition import CompetitionFolder
from lsdc.errors import DataError
from lsdc.files import file_hash
from lsdc.record import commit
from lsdc.runs import RunFolder
from lsdc.submit.make import leave, need_free
from lsdc.submit.manifest import of_run
from lsdc.submit.pipeline import FoldModel, predict_test_part


def open_blend(path: Path, runs: Path) -> tuple[Blend, dict[str, RunFolder]]:
    """A blend file, and by the name of its model the finished run of each below `runs`.

    DataError with every fault: a model that is no run, a run that is not there, or whose predictions are no longer
    those that the blend was fitted on.
    """
    blend = read_blend(path)
    folders = {member.name: RunFolder(runs / member.run) for member in blend.members if member.run is not None}
    faults = [fault for member in blend.members if (fault := _fault(member, folders.get(member.name)))]
    if faults:
        raise DataError("this blend cannot be applied", wanted=f"the finished runs that it was fitted on, in {runs}",
                        got="\n          ".join(faults), where=path,
                        remedy="blend these runs anew with `lsdc blend`, or bring the runs named back")
    return blend, folders


def make_blended_submission(
    folder: CompetitionFolder, path: Path, runs: Path, device: torch.device, out: Path, *, replace: bool = False
) -> dict:
    """Predict the test part with every run of a blend file, blend, leave csv and manifest in `out`.

    Errors as `make_submission` and `open_blend`.
    """
    need_free(out, replace=replace)
    (blend, folders), made_by = open_blend(path, runs), commit()
    frames = {}
    for name, run in folders.items():  # one run's models in memory at a time
        frames[name] = predict_test_part(folder, [FoldModel.load(fold, device) for fold in run.finished_folds()])
    predictions = blend.rows(frames, folder.study_ids("test"))
    return leave(out, folder, predictions, made_of=_made_of(path, blend, folders),
                 out_of_fold=blend.record.get("out_of_fold"), commit=made_by)


def _made_of(path: Path, blend: Blend, folders: Mapping[str, RunFolder]) -> dict:
    runs = [{"model": name, **of_run(run, run.finished_folds())} for name, run in folders.items()]
    return {"blend": {"file": Path(path).name, "sha256": file_hash(path), "runs": runs,
                      "chosen": blend.record.get("chosen"), "fitted_at": blend.record.get("commit")}}


def _fault(member: Member, run: RunFolder | None) -> str:
    if run is None:
        return f"{member.name} came from {', '.join(member.tables)}, which has no models to predict with"
    if not run.config.exists():
        return f"the run {member.run} is not there"
    there = {f"fold{fold.number}": file_hash(fold.predictions) for fold in run.folds_with("predictions.csv")}
    if there != dict(member.tables):
        return f"the run {member.run} has other predictions than those that the blend was fitted on"
    return ""
