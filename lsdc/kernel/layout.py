"""What of a run goes into a bundle, and what it is called there: a flat folder, since uploads skip sub-folders."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from lsdc.errors import ConfigError, DataError
from lsdc.runs import FoldFolder, RunFolder

MANIFEST = "lsdc-bundle.json"  # a notebook finds the bundle by this name
SEPARATOR = "--"  # in the place of a slash
NOTEBOOK, SCRIPT = "submit-offline.ipynb", "submit-offline.py"
DATASET_METADATA, KERNEL_METADATA = "dataset-metadata.json", "kernel-metadata.json"
STAYS = (DATASET_METADATA, KERNEL_METADATA)  # read by the upload's client, which leaves them out of the upload
FOLD_FILES = ("detector/detector.torchscript", "detector/detector.json", "classifier/classifier.safetensors",
              "classifier/classifier.json", "priors.csv")
BLEND = "blend.json"


def flat_name(place: str) -> str:
    """
    >>> flat_name("runs/default/fold0/detector/detector.json")
    'default--fold0--detector--detector.json'
    """
    return SEPARATOR.join(PurePosixPath(place).parts[1:]) if "/" in place else place


def run_places(name: str, folds: Iterable[str]) -> list[str]:
    """Where the files of a run and of its folds (fold0, ...) lie in an unfolded bundle."""
    files = [f"{fold}/{file}" for fold in folds for file in FOLD_FILES]
    return [f"runs/{name}/{one}" for one in ("config.yaml", *files)]


def run_files(run: RunFolder, folds: list[FoldFolder]) -> dict[str, Path]:
    """By its place in the unfolded bundle, each file that inference needs of these folds.

    ConfigError for a name that would not come back from a flat one.
    """
    name = run.path.name
    if SEPARATOR in name or name.startswith("."):
        raise ConfigError("a run of this name cannot be bundled", got=name, wanted=f"a name without {SEPARATOR!r}",
                          where=run.path, remedy="rename the run's folder")
    files = {place: run.path / PurePosixPath(place).relative_to(f"runs/{name}")
             for place in run_places(name, [fold.path.name for fold in folds])}
    if missing := [str(path) for path in files.values() if not path.is_file()]:
        raise DataError("a run that is not whole cannot be bundled", wanted="config, detector, classifier and priors",
                        got="\n          ".join(f"no {path}" for path in missing), where=run.path,
                        remedy="train the folds first (make train-fold), or name those that are ready with --folds")
    return files
