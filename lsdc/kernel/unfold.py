"""A bundle as it arrived at a notebook, checked and unfolded into the runs that `lsdc predict` knows."""

import os
import shutil
from pathlib import Path

from lsdc.errors import DataError
from lsdc.files import written_aside
from lsdc.kernel.layout import BLEND
from lsdc.kernel.manifest import checked_manifest
from lsdc.kernel.match import check_models
from lsdc.runs import RunFolder


def unfold(bundle: Path, into: Path) -> dict:
    """Check hashes and models of a bundle, lay its runs out as `into`/bundle, and say how to predict with them.

    Returns arguments (of `lsdc predict`) and extras (module by package, to be installed from the bundle). The files
    are links where links are to be had. DataError that names every file which is missing, changed or extra, and where
    something else than an earlier unfolding lies in that place; WeightsError for models of another config.
    """
    bundle, out = Path(bundle).absolute(), Path(into).absolute() / "bundle"
    manifest = checked_manifest(bundle)
    if os.path.lexists(out) and not (out.is_dir() and {path.name for path in out.iterdir()} <= {"runs", BLEND}):
        raise DataError("something else lies where the bundle is to be unfolded", where=out,
                        remedy="choose a scratch folder with --into")
    with written_aside(out) as aside:
        for name, told in manifest["files"].items():
            if "place" in told:
                (place := aside / told["place"]).parent.mkdir(parents=True, exist_ok=True)
                _link(bundle / name, place)
        for run, folds in _runs(aside, manifest):
            check_models(run, folds)
        shutil.rmtree(out, ignore_errors=True)
    source = ["--blend", str(out / BLEND)] if manifest["blend"] else ["--run", next(iter(manifest["runs"]))]
    return {"arguments": ["--runs", str(out / "runs"), *source], "extras": manifest["extras"]}


def _runs(root: Path, manifest: dict):
    for name, told in manifest["runs"].items():
        run = RunFolder(root / "runs" / name)
        yield run, [run.fold(number) for number in told["folds"]]


def _link(source: Path, place: Path) -> None:
    try:
        os.symlink(source, place)
    except OSError:
        shutil.copyfile(source, place)
