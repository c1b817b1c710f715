"""One phantom study: planned as a pure function of (seed, part, index), then rendered into a folder."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from lsdc.files import written_aside
from lsdc.phantom.anatomy import draw_anatomy
from lsdc.phantom.dicomfile import SeriesTags, series_dataset, write_slice
from lsdc.phantom.latents import StudyLabels, draw_labels
from lsdc.phantom.points import annotate
from lsdc.phantom.quirks import draw_quirks, drop_plane, gap_numbers, unlabelled, without_point
from lsdc.phantom.render import Patient, pose, render_slice, texture_tiles
from lsdc.phantom.scanner import (
    RENDER_MM,
    Receiver,
    Scanner,
    SeriesPlan,
    acquired_plane,
    draw_scanner,
    plan_axial,
    plan_sagittal,
)
from lsdc.seeding import generator, seed_for
from lsdc.taxonomy import TARGETS, Plane

Part = Literal["train", "test"]
PRIME = 4_294_967_291  # ids are spread over it without collisions
SERIES_PER_STUDY = 16
STIR_RATE = 0.2
SUB_SLICES = 3


@dataclass(frozen=True, eq=False)
class StudyPlan:
    """Everything about a study but its pixels."""

    seed: int
    part: Part
    index: int
    study_id: int
    labels: StudyLabels
    patient: Patient
    scanner: Scanner
    series: tuple[tuple[int, SeriesPlan], ...]  # (series_id, plan)
    quirks: frozenset[str]
    labelled: np.ndarray  # (25,) bool, targets whose grade the tables show
    points: list[dict]  # rows of train_label_coordinates.csv without study_id


def study_number(seed: int, part: Part, index: int) -> int:
    """study_id of a study: unique within a folder, 7 to 10 digits, not in order of index."""
    return _spread(seed, "studies", 2 * index + (part == "test"))


def series_number(seed: int, part: Part, index: int, place: int) -> int:
    """series_id of the series at a place (below 16) of a study; unique within a folder."""
    return _spread(seed, "series", (2 * index + (part == "test")) * SERIES_PER_STUDY + place)


def _spread(seed: int, what: str, number: int) -> int:
    factor = 1 + seed_for(seed, "phantom", what, "factor") % (PRIME - 1)
    shift = seed_for(seed, "phantom", what, "shift")
    return 1_000_000 + (factor * number + shift) % PRIME


def plan_study(seed: int, part: Part, index: int) -> StudyPlan:
    """Draw a study; the same arguments give the same study, however many others there are."""
    labels = draw_labels(seed, part, index)
    random = {what: generator(seed, "phantom", part, index, what)
              for what in ("patient", "scanner", "quirks", "points")}
    quirks = draw_quirks(random["quirks"], part)
    patient = pose(random["patient"], draw_anatomy(random["patient"], labels.z))
    scanner = draw_scanner(random["scanner"])
    plans = plan_sagittal(random["scanner"], patient, stir=random["scanner"].random() < STIR_RATE)
    plans += plan_axial(random["scanner"], patient, several="several_axial" in quirks)
    if "instance_gaps" in quirks:
        plans = [replace(plan, instance_numbers=gap_numbers(random["quirks"], plan.instance_numbers)) for plan in plans]
    if "missing_plane" in quirks:
        lost = drop_plane(random["quirks"])
        plans = [plan for plan in plans if plan.plane != lost]
    series = tuple((series_number(seed, part, index, place), plan) for place, plan in enumerate(plans))
    nothing = np.zeros(len(TARGETS), dtype=bool)
    no_label = unlabelled(random["quirks"]) if "missing_labels" in quirks else nothing
    no_point = without_point(random["quirks"]) if "missing_coordinates" in quirks else nothing
    points = annotate(random["points"], patient, list(series), no_label | no_point)
    return StudyPlan(seed, part, index, study_number(seed, part, index), labels, patient, scanner, series, quirks,
                     ~no_label, points)


def write_study(plan: StudyPlan, folder: Path) -> None:
    """Render a study into `folder` (<series_id>/<instance_number>.dcm); it appears only when it is whole."""
    random = generator(plan.seed, "phantom", plan.part, plan.index, "pixels")
    tiles = texture_tiles(random)
    with written_aside(folder) as aside:
        for group in _groups(plan):
            _write_group(plan, group, aside, tiles, random)


def _groups(plan: StudyPlan) -> list[list[tuple[int, SeriesPlan]]]:
    """Series on the same slices, so that shapes are computed once: both sagittals; each axial series alone."""
    sagittal = [entry for entry in plan.series if entry[1].plane != Plane.AXIAL_T2]
    return ([sagittal] if sagittal else []) + [[entry] for entry in plan.series if entry[1].plane == Plane.AXIAL_T2]


def _write_group(
    plan: StudyPlan, group: list[tuple[int, SeriesPlan]], folder: Path, tiles: np.ndarray, random: np.random.Generator
) -> None:
    first = group[0][1]
    receivers = [Receiver(plan.scanner, random) for _ in group]
    headers = [series_dataset(_tags(plan, series_id, series)) for series_id, series in group]
    for series_id, _ in group:
        (folder / str(series_id)).mkdir(parents=True)
    middle = plan.patient.place(plan.patient.anatomy.disc_s[5], 0.0, 25.0)
    depth_axis = 0 if first.plane == Plane.AXIAL_T2 else 1
    for place, plane in enumerate(first.planes):
        acquired = acquired_plane(plane, RENDER_MM[first.plane])
        ideal = render_slice(plan.patient, acquired, first.thickness_mm, tuple(series.contrast for _, series in group),
                             sub_slices=SUB_SLICES, saturated=depth_axis == 1, tiles=tiles, random=random)
        centre_px = float(acquired.to_pixel(middle)[0][1 - depth_axis])
        for image, receiver, header, (series_id, series) in zip(ideal, receivers, headers, group, strict=True):
            own = series.planes[place]
            number = series.instance_numbers[place]
            stored = receiver.stored(image, own, depth_axis, centre_px)
            write_slice(folder / str(series_id) / f"{number}.dcm", stored, own, number, header)


def _tags(plan: StudyPlan, series_id: int, series: SeriesPlan) -> SeriesTags:
    place = [number for number, _ in plan.series].index(series_id)
    return SeriesTags(
        study_id=plan.study_id, series_id=series_id, series_number=place + 2,
        description=f"{series.plane.value.split('_')[0].title()} {series.contrast.upper()}", contrast=series.contrast,
        scanner=plan.scanner.name, field_tesla=plan.scanner.field_tesla, thickness_mm=series.thickness_mm,
        spacing_mm=series.spacing_mm, bare="bare_headers" in plan.quirks,
    )
