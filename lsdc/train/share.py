"""One run takes over the detectors and places of another, so that the two differ by their classifiers alone."""

import shutil
from pathlib import Path

from lsdc.config import Settings, differences, load_settings
from lsdc.errors import ConfigError, DataError
from lsdc.files import file_hash, write_json, written_aside
from lsdc.folds import read_folds
from lsdc.runs import RESULTS, FoldFolder, RunFolder
from lsdc.tables import FOLDS

SHARED_STAGES = ("train the detector", "locate")
SHARED = ("priors", *(name for stage in SHARED_STAGES for name in RESULTS[stage]))  # names of FoldFolder's files
MUST_AGREE = ("seed:", "folds.", "detector.")


def disagreements(one: Settings, other: Settings) -> list[str]:
    """Settings that make other folds or detectors, as ``section.key: this -> that``; none: they can be shared."""
    return [line for line in differences(one, other) if line.startswith(MUST_AGREE)]


def share_locations(source: RunFolder, run: RunFolder, fold: int) -> FoldFolder:
    """Copy the folds, and fold `fold`'s priors, detector and places, of `source` to `run`; the fold as it is there.

    What was copied before is only compared. The fold's folder appears whole or not at all, and its stages.json says
    which run each stage was taken from. ConfigError when seed, folds, detector or data of the runs differ, or when
    `run` has another detector or other places; DataError when `source` has not located the fold.
    """
    _check(source, run)
    there, here = source.fold(fold), run.fold(fold)
    if lacking := [name for name in SHARED if not getattr(there, name).exists()]:
        raise DataError(f"fold {fold} of this run is not located", wanted=", ".join(lacking), where=there.path,
                        remedy=f"run `make train-detector FOLD={fold}` on it first")
    if not run.folds.exists():
        FOLDS.write(read_folds(source.folds), run.folds)
    if here.path.exists():
        _compare(there, here)
        return here
    stages = there.stage_records()
    with written_aside(here.path) as aside:
        aside.mkdir()
        copied = FoldFolder(aside)
        for name in SHARED:
            _copy(getattr(there, name), getattr(copied, name))
        write_json(copied.stages, {stage: {**stages.get(stage, {}), "taken_from": source.path.name}
                                   for stage in SHARED_STAGES})
    return here


def _check(source: RunFolder, run: RunFolder) -> None:
    faults = disagreements(load_settings(source.config), load_settings(run.config))
    data, own = source.data(), run.data()
    if data["fingerprint"] != own["fingerprint"]:
        faults.append(f"data: {data['folder']} -> {own['folder']} (other csv files)")
    if run.folds.exists() and not read_folds(run.folds).equals(read_folds(source.folds)):
        faults.append("folds.csv: other folds")
    if faults:
        raise ConfigError(f"the detectors of run {source.path.name} are not those of these settings",
                          got="\n          ".join(faults), where=run.path,
                          remedy="give both the same seed, folds, detector and data, or let this one train its own")


def _compare(there: FoldFolder, here: FoldFolder) -> None:
    if changed := [name for name in SHARED if _digests(getattr(there, name)) != _digests(getattr(here, name))]:
        raise ConfigError("this fold has other places than the run that it shares them with",
                          got=f"other, or not there: {', '.join(changed)}", wanted=f"those of {there.path}",
                          where=here.path, remedy="remove this fold's folder to make it anew")


def _digests(path: Path) -> dict[str, str]:
    """sha256 of a file, or of each file below a folder, by relative path; empty when there is none."""
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {str(one.relative_to(path)): file_hash(one) for one in files}


def _copy(path: Path, to: Path) -> None:
    shutil.copytree(path, to) if path.is_dir() else shutil.copyfile(path, to)
