"""Toy spines: blobs at known places in three planes, written as a competition folder. Small, and exact."""

from pathlib import Path

import numpy as np
import pandas as pd

from lsdc.competition import Study, StudySeries
from lsdc.detect.classes import CLASSES
from lsdc.detect.detector import CANDIDATE_COLUMNS
from lsdc.dicom import Series, SlicePlane
from lsdc.tables import POINTS
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS, Condition, Level, Plane, Severity, Side, Target, row_id
from tests.builders import AXES, write_slice

STEP_MM = 33.0  # from level to level
SIZE = 80  # pixels of 2.5 mm
SPACING_MM = 2.5
STACKS = {  # plane: orientation, slices, mm between slices
    Plane.SAGITTAL_T1: ("sagittal", 11, 5.0),
    Plane.SAGITTAL_T2: ("sagittal", 9, 5.0),
    Plane.AXIAL_T2: ("axial", 36, 5.0),
}


def toy_positions(generator: np.random.Generator) -> dict[Target, np.ndarray]:
    """Patient mm of the 25 targets: a gentle curve, foramina 18 mm and recesses 10 mm beside it, all shifted."""
    shift, bend = generator.normal(0, 4, 3), generator.normal(12, 2)
    places = {}
    for target in TARGETS:
        level = list(Level).index(target.level)
        canal = shift + np.array((0.5 * level, bend * np.sin(level * 0.7), (2 - level) * STEP_MM))
        beside = {Condition.CANAL: (0, 0, 0), Condition.FORAMINAL: (18, -6, 4), Condition.SUBARTICULAR: (10, -4, 0)}
        side = {Side.LEFT: 1, Side.RIGHT: -1, Side.MIDLINE: 0}[target.side]
        places[target] = canal + np.array(beside[target.condition]) * [side, 1, 1]
    return places


def toy_planes(plane: Plane, *, centre=(0.0, 5.0, 0.0)) -> list[SlicePlane]:
    """The stack of a plane around a centre, ordered as a Series is."""
    orientation, count, step = STACKS[plane]
    row, column = (np.array(axis, dtype=float) for axis in AXES[orientation])
    normal = np.eye(3)[0 if orientation == "sagittal" else 2]
    planes = []
    for i in range(count):
        origin = np.array(centre) + normal * (i - (count - 1) / 2) * step - (row + column) * (SIZE - 1) / 2 * SPACING_MM
        planes.append(SlicePlane(origin, row * SPACING_MM, column * SPACING_MM, (SIZE, SIZE)))
    return planes


def toy_image(plane: SlicePlane, shown: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """(h, w) uint16: noise, and a bright blob where a shown place is near the slice."""
    y, x = np.mgrid[:plane.size_hw[0], :plane.size_hw[1]]
    points = plane.to_patient(np.stack([x, y], axis=-1))  # (h, w, 3)
    image = generator.normal(200, 15, plane.size_hw)
    for place in shown:
        image += 1500 * np.exp(-((points - place) ** 2).sum(axis=-1) / (2 * 5.0**2))
    return image.clip(0, 4095).astype(np.uint16)


def toy_series(plane: Plane, places: dict[Target, np.ndarray], generator: np.random.Generator, **where) -> Series:
    """A series in memory."""
    shown = [place for target, place in places.items() if ANNOTATED_PLANE[target.condition] == plane]
    planes = toy_planes(plane, **where)
    images = tuple(toy_image(one, shown, generator).astype(np.float32) for one in planes)
    count = len(planes)
    return Series(tuple(planes), images, tuple(range(1, count + 1)), tuple(Path(f"{i + 1}.dcm") for i in range(count)),
                  ())


def toy_study(places: dict[Target, np.ndarray], planes=tuple(Plane), study_id=7, **where) -> Study:
    """A study in memory: series 1, 2, 3 are sagittal T1, sagittal T2, axial T2."""
    generator = np.random.default_rng(0)
    return Study(study_id, tuple(StudySeries(1 + list(Plane).index(plane), plane,
                                             toy_series(plane, places, generator, **where)) for plane in planes), ())


def toy_candidates(study: Study, places: dict[Target, np.ndarray], *, reach_mm=6.0) -> pd.DataFrame:
    """What a perfect detector would see: each target on every slice of its plane within reach."""
    rows = []
    for target, place in places.items():
        for one in study.of(ANNOTATED_PLANE[target.condition]):
            for index, plane in enumerate(one.series.planes):
                xy_px, offset_mm = plane.to_pixel(place)
                if abs(offset_mm) <= reach_mm:
                    rows.append([one.series_id, index, CLASSES.number(*target), 0.9 - abs(offset_mm) / 20, *xy_px,
                                 *plane.to_patient(xy_px)])
    return pd.DataFrame(rows, columns=list(CANDIDATE_COLUMNS)).astype(CANDIDATE_COLUMNS)


def toy_points(study: Study, places: dict[Target, np.ndarray]) -> pd.DataFrame:
    """POINTS of a study in memory: each target on the nearest slice of the first series of its plane."""
    rows = []
    for target, place in places.items():
        for one in study.of(ANNOTATED_PLANE[target.condition])[:1]:
            index, _ = one.series.nearest_slice(place)
            (x, y), _ = one.series.planes[index].to_pixel(place)
            number = one.series.instance_numbers[index]
            rows.append({"study_id": study.study_id, "series_id": one.series_id, "instance_number": number,
                         **target._asdict(), "x_px": x, "y_px": y})
    return POINTS.frame(rows)


def write_toy_folder(root: Path, studies: list[int], *, seed: int = 1) -> dict[int, dict[Target, np.ndarray]]:
    """A competition folder of toy spines; the true positions of each study."""
    generator, truth = np.random.default_rng(seed), {}
    root.mkdir(parents=True, exist_ok=True)
    grades = ["study_id," + ",".join(target.column for target in TARGETS)]
    points = ["study_id,series_id,instance_number,condition,level,x,y"]
    listed = ["study_id,series_id,series_description"]
    for study in studies:
        truth[study] = toy_positions(generator)
        grades.append(f"{study}," + ",".join([Severity.NORMAL_MILD.title] * len(TARGETS)))
        whole = toy_study(truth[study], study_id=study)
        for row in toy_points(whole, truth[study]).itertuples():
            target = Target(Condition(row.condition), Side(row.side), Level(row.level))
            points.append(f"{study},{study * 10 + row.series_id},{row.instance_number},{target.condition_title},"
                          f"{target.level.title},{row.x_px},{row.y_px}")
        for one in whole.series:
            series_id, plane, series = study * 10 + one.series_id, one.plane, one.series
            listed.append(f"{study},{series_id},{plane.description}")
            for i, (place, image) in enumerate(zip(series.planes, series.images, strict=True)):
                write_slice(root / "train_images" / str(study) / str(series_id) / f"{i + 1}.dcm",
                            image.astype(np.uint16), position=place.origin_mm, axes=STACKS[plane][0],
                            spacing=(SPACING_MM, SPACING_MM), number=i + 1)
    (root / "test_images").mkdir()
    for name, lines in (("train.csv", grades), ("train_label_coordinates.csv", points),
                        ("train_series_descriptions.csv", listed), ("test_series_descriptions.csv", listed[:1]),
                        ("sample_submission.csv", ["row_id,normal_mild,moderate,severe",
                                                   f"{row_id(1, TARGETS[0])},0.3,0.3,0.4"])):
        (root / name).write_text("\n".join(lines) + "\n")
    return truth
