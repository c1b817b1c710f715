"""The story of a bundle: wheel, models, notebook and metadata in one flat folder, with a manifest of every file."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import lsdc
from lsdc.blend import read_blend
from lsdc.errors import ConfigError, DataError, LsdcError
from lsdc.files import alone, file_hash, read_json, write_json, written_aside
from lsdc.kernel.archive import names_in, texts_in
from lsdc.kernel.image import Image, check_wheels
from lsdc.kernel.layout import (
    BLEND,
    DATASET_METADATA,
    KERNEL_METADATA,
    MANIFEST,
    NOTEBOOK,
    SCRIPT,
    flat_name,
    run_files,
)
from lsdc.kernel.manifest import file_entry, write_manifest
from lsdc.kernel.match import check_models
from lsdc.kernel.metadata import Names, check_metadata, dataset_metadata, kernel_metadata, slug
from lsdc.kernel.notebook import FALLBACK_LIMIT, HOURS, kernel_text, write_notebook, write_script
from lsdc.kernel.scores import expected_score
from lsdc.kernel.wheel import build_wheel
from lsdc.record import commit, environment
from lsdc.runs import RunFolder
from lsdc.tables import examples


@dataclass(frozen=True)
class Order:
    """What a bundle is to be made of. folds: () takes all trained ones; wheels: of packages that the image lacks."""

    runs: tuple[RunFolder, ...]
    names: Names
    image: Image
    folds: tuple[int, ...] = ()
    blend: Path | None = None
    wheels: tuple[Path, ...] = ()
    machine: str = "t4"
    script: bool = False
    hours: float = HOURS
    fallback_limit: float = FALLBACK_LIMIT


def make_bundle(order: Order, out: Path, *, replace: bool = False) -> dict:
    """Write the bundle as the folder `out`, whole, and return its manifest. The same inputs give the same bytes.

    DataError, WeightsError or ConfigError, before anything is written: a run that is not whole, models of another
    config, a blend of other runs, a wheel that may not be shipped, names that the site would refuse. StorageError when
    another process packs this bundle.
    """
    with alone(Path(out), busy="another process is packing this bundle"):
        return _made(order, Path(out), replace=replace)


def _made(order: Order, out: Path, *, replace: bool) -> dict:
    if out.exists() and not (replace and (out / MANIFEST).is_file()):
        raise DataError("there is something in the place of the bundle", where=out,
                        remedy="choose another with OUT=... (--out), or replace a bundle with REPLACE=1 (--replace)")
    code_file = SCRIPT if order.script else NOTEBOOK
    dataset = dataset_metadata(order.names)
    kernel = kernel_metadata(order.names, code_file=code_file, machine=order.machine)
    check_metadata(dataset, kernel)
    if others := _of_others(out):
        raise DataError("the bundle to be replaced holds files that are not its own", got=others, where=out,
                        remedy="move them elsewhere, or choose another place with OUT=... (--out)")
    check_wheels(list(order.wheels), order.image)
    extras = dict(map(_package, order.wheels))
    files, runs = _models(order)
    with written_aside(out) as aside:
        aside.mkdir()
        places = {}
        for place, source in files.items():
            places[name := flat_name(place)] = place
            shutil.copyfile(source, aside / name)
        for wheel in order.wheels:
            shutil.copyfile(wheel, aside / wheel.name)
        own = build_wheel(aside)
        text = kernel_text(name=slug(order.names.dataset), title=order.names.kernel, hours=order.hours,
                           fallback_limit=order.fallback_limit)
        write_notebook(text, aside / NOTEBOOK)
        write_script(text, aside / SCRIPT)
        write_json(aside / DATASET_METADATA, dataset)
        write_json(aside / KERNEL_METADATA, kernel)
        return write_manifest(aside, {
            "name": slug(order.names.dataset), "lsdc": lsdc.__version__, "commit": commit(), "wheel": own.name,
            "extras": extras, "image": order.image.name,
            "runs": runs, "blend": _blend_record(order), "versions": _versions(),
            "files": {path.name: file_entry(path, places.get(path.name)) for path in sorted(aside.iterdir())},
        })


def _of_others(out: Path) -> str:
    """Names in an earlier bundle that its manifest does not tell; "" where there are none."""
    try:
        own = set(read_json(out / MANIFEST)["files"]) if out.exists() else set()
    except (LsdcError, KeyError, TypeError):
        own = set()
    names = sorted({path.name for path in out.iterdir()} - own - {MANIFEST}) if out.exists() else []
    return examples(names)


def _models(order: Order) -> tuple[dict[str, Path], dict]:
    """Files by their place when unfolded, and what the manifest says of each run."""
    names = [run.path.name for run in order.runs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError("two runs of one name cannot be bundled", got=", ".join(twice), remedy="rename one's folder")
    if order.blend is None and len(order.runs) != 1:
        raise ConfigError("several runs need a blend file, which says how they are put together",
                          wanted="one run, or a blend file and the runs that it names", got=", ".join(names) or "none",
                          remedy="make one with `lsdc blend`, and give it with BLEND=... (--blend)")
    files, told = {}, {}
    if order.blend is not None:
        _check_blend(order)
        files[BLEND] = order.blend
    for run in order.runs:
        folds = [run.fold(number) for number in sorted(set(order.folds))] or run.trained_folds()
        files |= run_files(run, folds)
        check_models(run, folds)
        told[run.path.name] = {"folds": [fold.number for fold in folds], "out_of_fold": expected_score(run, folds)}
    return files, told


def _check_blend(order: Order) -> None:
    blend, faults = read_blend(order.blend), []
    there = {run.path.name: run for run in order.runs}
    wanted = {member.run for member in blend.members if member.run is not None}
    faults += [f"{member.name} came from a file, which has no models"
               for member in blend.members if member.run is None]
    faults += [f"the blend needs the run {name}" for name in sorted(wanted - set(there))]
    faults += [f"the blend has no run {name}" for name in sorted(set(there) - wanted)]
    for member in blend.members:
        if member.run in there:
            tables = {f"fold{fold.number}": file_hash(fold.predictions)
                      for fold in there[member.run].folds_with("predictions.csv")}
            if tables != dict(member.tables):
                faults.append(f"the run {member.run} has other predictions than those that the blend was fitted on")
    if order.folds:
        faults.append("a blend takes all folds that it was fitted on: --folds does not go with it")
    if faults:
        raise DataError("this blend does not go with these runs", got="\n          ".join(faults), where=order.blend,
                        remedy="blend these runs anew with `lsdc blend`, or name the blend's own")


def _blend_record(order: Order) -> dict | None:
    if order.blend is None:
        return None
    record = read_blend(order.blend).record
    return {"chosen": record.get("chosen"), "commit": record.get("commit"), "out_of_fold": record.get("out_of_fold")}


def _versions() -> dict[str, str]:
    """Of what exported and packed the models."""
    told = environment()
    return {"python": told["python"]} | {name: version for name, version in told["packages"].items() if version}


def _package(wheel: Path) -> tuple[str, str]:
    """The package of a wheel, and a module that it brings."""
    listed = texts_in(wheel, ".dist-info/top_level.txt")
    tops = next(iter(listed.values())).split() if listed else [
        name.split("/")[0].split(".")[0] for name in names_in(wheel) if name.endswith((".py", ".so"))]
    tops = [name for name in tops if name.isidentifier()]
    public = [name for name in tops if not name.startswith("_")] or tops
    if not public:
        raise DataError("this wheel brings no module", where=wheel, remedy="leave it out")
    return wheel.name.split("-")[0].replace("_", "-").lower(), public[0]
