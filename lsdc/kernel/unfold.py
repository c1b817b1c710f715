"""A bundle as it arrived at a notebook, checked and unfolded into the runs that `lsdc predict` knows."""

import logging
import os
import shutil
from pathlib import Path

from lsdc.errors import DataError, LsdcError, WeightsError
from lsdc.files import written_aside
from lsdc.kernel.layout import BLEND, FOLD_FILES
from lsdc.kernel.manifest import checked_manifest, damaged, read_manifest
from lsdc.kernel.match import check_models
from lsdc.runs import FoldFolder, RunFolder

log = logging.getLogger(__name__)


def unfold(bundle: Path, into: Path, *, lenient: bool = False) -> dict:
    """Check hashes and models of a bundle, lay its runs out as `into`/bundle, and say how to predict with them.

    Returns arguments (of `lsdc predict`) and extras (module by package, to be installed from the bundle). The files
    are links where links are to be had. DataError that names every file which is missing, changed or extra, and where
    something else than an earlier unfolding lies in that place; WeightsError for models of another config.

    lenient: what is missing, changed or of another config is left out and told, with the whole fold whose model it is,
    and a damaged blend leaves its first run to predict. Then DataError only where there is nothing to predict with.
    """
    bundle, out = Path(bundle).absolute(), Path(into).absolute() / "bundle"
    manifest = read_manifest(bundle) if lenient else checked_manifest(bundle)
    lost = damaged(bundle, manifest) if lenient else {}
    for fault in lost.values():
        log.warning("the bundle goes on without: %s", fault)
    if os.path.lexists(out) and not (out.is_dir() and {path.name for path in out.iterdir()} <= {"runs", BLEND}):
        raise DataError("something else lies where the bundle is to be unfolded", where=out,
                        remedy="choose a scratch folder with --into")
    with written_aside(out) as aside:
        for name, told in manifest["files"].items():
            if "place" in told and name not in lost:
                (place := aside / told["place"]).parent.mkdir(parents=True, exist_ok=True)
                _link(bundle / name, place)
        for run, folds in _runs(aside, manifest):
            if not lenient:
                check_models(run, folds)
            elif run.config.is_file():
                _leave_out(run, folds)
        usable = [run.path.name for run, _ in _runs(aside, manifest) if run.config.is_file()]
        if not usable:
            raise DataError("nothing of this bundle can predict", got="\n          ".join(lost.values()), where=bundle,
                            wanted="config.yaml of a run", remedy="upload it again")
        blended = (aside / BLEND).is_file()
        shutil.rmtree(out, ignore_errors=True)
    source = ["--blend", str(out / BLEND)] if blended else ["--run", usable[0]]
    return {"arguments": ["--runs", str(out / "runs"), *source], "extras": manifest["extras"]}


def _runs(root: Path, manifest: dict):
    for name, told in manifest["runs"].items():
        run = RunFolder(root / "runs" / name)
        yield run, [run.fold(number) for number in told["folds"]]


def _leave_out(run: RunFolder, folds: list[FoldFolder]) -> None:
    """Remove detector and classifier of every fold whose models are not whole, or are of another config."""
    for fold in folds:
        try:
            if missing := [name for name in FOLD_FILES if not (fold.path / name).is_file() and "/" in name]:
                raise WeightsError("models that are not whole", got=", ".join(missing))
            check_models(run, [fold])
        except LsdcError as error:
            log.warning("left out: %s, fold %d: %s (%s)", run.path.name, fold.number, error.problem, error.got)
            for model in (fold.detector, fold.classifier):
                shutil.rmtree(model, ignore_errors=True)
            fold.path.mkdir(parents=True, exist_ok=True)


def _link(source: Path, place: Path) -> None:
    try:
        os.symlink(source, place)
    except OSError:
        shutil.copyfile(source, place)
