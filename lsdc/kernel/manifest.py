"""The manifest of a bundle: sha256 and size of every file, written once, checked wherever the bundle arrives."""

import re
from collections import Counter
from pathlib import Path

from lsdc.errors import DataError, StorageError
from lsdc.files import content_hash, file_hash, is_plain_name, read_json, write_json
from lsdc.kernel.layout import BLEND, MANIFEST, STAYS, run_places

FORMAT, VERSION = "lsdc bundle", 1
PACKAGE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")  # as pip is given it


def file_entry(path: Path, place: str | None = None) -> dict:
    """What the manifest says of a file; place: where it lies when the bundle is unfolded, None if it does not."""
    return {"sha256": file_hash(path), "size": path.stat().st_size, **({"place": place} if place else {})}


def write_manifest(folder: Path, content: dict) -> dict:
    content = {"format": FORMAT, "version": VERSION, **content}
    content["sha256"] = content_hash(content)
    write_json(folder / MANIFEST, content)
    return content


def read_manifest(folder: Path) -> dict:
    """DataError when it is missing, not of this kit, was changed after it was written, or leads out of its folder."""
    path = Path(folder) / MANIFEST
    remedy = "make the bundle again with `lsdc bundle`, or copy it whole"
    if not path.is_file():
        raise DataError("this is no bundle", wanted=MANIFEST, where=folder, remedy=remedy)
    try:
        content = read_json(path)
    except StorageError as error:
        raise DataError("the manifest of a bundle cannot be read", got=error.got, where=path, remedy=remedy) from error
    if (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise DataError("a bundle of another kit or version", wanted=f"{FORMAT!r}, version {VERSION}", where=path,
                        remedy=remedy)
    if content.get("sha256") != content_hash({key: value for key, value in content.items() if key != "sha256"}):
        raise DataError("the manifest was changed after the bundle was made", where=path, remedy=remedy)
    if faults := _strange(content):
        raise DataError("this manifest is not one that `lsdc bundle` writes", got="\n          ".join(faults),
                        where=path, wanted="files in the bundle, and places below the folder that it is unfolded into",
                        remedy=remedy)
    return content


def faults_of(folder: Path, manifest: dict) -> list[str]:
    """Files that are missing, changed, or that the manifest does not know, each named; empty where all is well.

    What the upload's client leaves out may be missing.
    """
    extra = sorted({path.name for path in folder.iterdir()} - set(manifest["files"]) - {MANIFEST})
    return [*damaged(folder, manifest).values(), *(f"extra: {name}" for name in extra)]


def damaged(folder: Path, manifest: dict) -> dict[str, str]:
    """By name the files that are missing or changed, and what is wrong with each."""
    faults = {}
    for name, told in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            faults |= {} if name in STAYS else {name: f"missing: {name}"}
        elif path.stat().st_size != told["size"]:
            faults[name] = f"changed: {name} ({path.stat().st_size} bytes, was {told['size']})"
        elif file_hash(path) != told["sha256"]:
            faults[name] = f"changed: {name} (the same size, other bytes)"
    return faults


def checked_manifest(folder: Path) -> dict:
    """The manifest of a bundle whose files are all there and unchanged; DataError that names every fault."""
    manifest = read_manifest(folder)
    if faults := faults_of(Path(folder), manifest):
        raise DataError(f"this bundle is not as it was made ({len(faults)} faults)", got="\n          ".join(faults),
                        wanted=f"the {len(manifest['files'])} files of {MANIFEST}", where=folder,
                        remedy="upload it again from the folder that `lsdc bundle` made, or make it again")
    return manifest


def _strange(content: dict) -> list[str]:
    """What is missing of a manifest, and every name in it that would be read, written or installed elsewhere."""
    files, runs = content.get("files"), content.get("runs")
    if not (isinstance(files, dict) and files and isinstance(runs, dict) and runs):
        return ["it names no files, or no runs"]
    faults = [f"the file {name!r}" for name in (*files, content.get("wheel")) if not is_plain_name(name)]
    faults += [f"the run {name!r}" for name in runs if not is_plain_name(name)]
    faults += [f"the folds of the run {name!r}" for name, told in runs.items() if not _has_folds(told)]
    places = {BLEND} | {place for name, told in runs.items() if _has_folds(told)
                        for place in run_places(name, [f"fold{number}" for number in told["folds"]])}
    faults += [fault for name, told in files.items() for fault in _of_file(name, told, places)]
    if content.get("wheel") not in list(files):
        faults.append(f"its wheel {content.get('wheel')!r} is not among its files")
    return faults + _twice(files) + _of_extras(content.get("extras"))


def _has_folds(run: object) -> bool:
    """Whether what a manifest says of a run has numbers of folds, which name folders."""
    return isinstance(run, dict) and isinstance(folds := run.get("folds"), list) and bool(folds) and all(
        type(one) is int and one >= 0 for one in folds)


def _of_file(name: str, told: object, places: set[str]) -> list[str]:
    if not (isinstance(told, dict) and isinstance(told.get("sha256"), str) and isinstance(told.get("size"), int)):
        return [f"no hash or size of {name!r}"]
    fits = "place" not in told or (isinstance(told["place"], str) and told["place"] in places)
    return [] if fits else [f"the place {told['place']!r} of {name!r}"]


def _twice(files: dict) -> list[str]:
    """Places of several files, and names that are one where capital letters are not told apart."""
    places = Counter(str(told["place"]) for told in files.values() if isinstance(told, dict) and "place" in told)
    names = Counter(map(str.casefold, files))
    return [f"{count} files {what} {one!r}" for what, counts in (("with the place", places), ("of the name", names))
            for one, count in counts.items() if count > 1]


def _of_extras(extras: object) -> list[str]:
    """Packages are given to pip, and modules are imported."""
    if not isinstance(extras, dict):
        return ["no extra packages are told, not even none"]
    return [f"the extra package {name!r} with {module!r}" for name, module in extras.items()
            if not (PACKAGE.fullmatch(name) and isinstance(module, str) and module.isidentifier())]
