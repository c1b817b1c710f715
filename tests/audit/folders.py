"""A small competition folder without a fault, and ways to spoil it. Levels lie 33 mm apart, L1/L2 at z = 100 mm."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np

from lsdc.audit import audit_folder
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Level, Plane, Severity, Side, row_id
from tests.builders import write_slice

LEVEL_MM, PX_MM, SIZE = 33.0, 4.0, (64, 48)
NUMBER = {Plane.SAGITTAL_T1: 1, Plane.SAGITTAL_T2: 2, Plane.AXIAL_T2: 3}  # last digit of the series_id
X_MM = {Side.MIDLINE: 0.0, Side.LEFT: 20.0, Side.RIGHT: -20.0}
POINTS = "train_label_coordinates.csv"


def write_clean(root: Path, *, studies=(1001, 1002), test_studies=(2001,)) -> Path:
    """Two training studies with all 25 points, one test study; series <study>1, <study>2, <study>3."""
    tables = {
        "train.csv": ["study_id," + ",".join(target.column for target in TARGETS)] + [
            f"{study}," + ",".join([Severity.NORMAL_MILD.title] * 25) for study in studies],
        POINTS: ["study_id,series_id,instance_number,condition,level,x,y"] + [
            point_row(study, target) for study in studies for target in TARGETS],
        "sample_submission.csv": ["row_id,normal_mild,moderate,severe"] + [
            f"{row_id(study, target)},.3,.3,.4" for study in test_studies
            for target in sorted(TARGETS, key=lambda target: target.column)],
    }
    for part, ids in (("train", studies), ("test", test_studies)):
        tables[f"{part}_series_descriptions.csv"] = ["study_id,series_id,series_description"] + [
            f"{study},{study}{NUMBER[plane]},{plane.description}" for study in ids for plane in Plane]
        for study in ids:
            shutil.copytree(_images(study), root / f"{part}_images" / str(study))
    for name, lines in tables.items():
        (root / name).write_text("\n".join(lines) + "\n")
    return root


@functools.cache
def _images(study: int) -> Path:
    """One study's series, written once."""
    folder = Path(tempfile.mkdtemp(prefix="lsdc-audit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for plane in Plane:
        write_plane(folder / str(study) / f"{study}{NUMBER[plane]}", plane)
    return folder / str(study)


def write_plane(folder: Path, plane: Plane, *, only=None, reverse=False, size=SIZE, axes=None, dtype=np.uint16, **tags):
    """Five slices of a plane: sagittal at x -20 to 20 mm, axial at the levels. only: numbers of slices to write."""
    sagittal = plane != Plane.AXIAL_T2
    for i in range(5):
        number = 5 - i if reverse else i + 1
        start = (10.0 * i - 20, -96.0, 128.0) if sagittal else (-96.0, -96.0, 100.0 - LEVEL_MM * (4 - i))
        if only is None or number in only:
            image = np.arange(np.prod(size)).reshape(size).astype(dtype)
            words = {"position": start, "spacing": (PX_MM, PX_MM), "number": number, "BodyPartExamined": "LSPINE",
                     "SliceThickness": 4, "SpacingBetweenSlices": 5, "FrameOfReferenceUID": f"1.2.{folder.parent.name}",
                     "axes": axes or ("sagittal" if sagittal else "axial")}
            write_slice(folder / f"{number}.dcm", image, **words | tags)
    return folder


def point_row(study: int, target, *, named=None) -> str:
    """A row of the coordinates where the target is; named: what it is called instead."""
    named = named or target
    plane, level = ANNOTATED_PLANE[target.condition], list(Level).index(target.level)
    x_mm = X_MM[target.side]
    if plane == Plane.AXIAL_T2:
        number, x, y = 5 - level, (x_mm + 96) / PX_MM, 24.0
    else:
        number, x, y = int(x_mm + 20) // 10 + 1, 24.0, (28 + LEVEL_MM * level) / PX_MM
    return f"{study},{study}{NUMBER[plane]},{number},{named.condition_title},{named.level.title},{x},{y}"


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace text that must be in the file."""
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def found(root: Path, **options) -> list[tuple]:
    """(kind, study_id, series_id, count) of all findings, sorted."""
    audit = audit_folder(root, workers=1, **options)
    return sorted(((one.kind.value, one.study_id, one.series_id, one.count) for one in audit.findings), key=str)
