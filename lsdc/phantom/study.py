"""One phantom study: planned as a pure function of (seed, part, index), then rendered into a folder."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from lsdc.dicom.plane import SlicePlane, orientation_of
from lsdc.files import written_aside
from lsdc.phantom.anatomy import draw_anatomy
from lsdc.phantom.canvas import Contrast, Share
from lsdc.phantom.dicomfile import SeriesTags, series_dataset, slice_dataset, write_dataset
from lsdc.phantom.knee import paint_knee
from lsdc.phantom.latents import StudyLabels, draw_labels
from lsdc.phantom.misread import misread, unlabelled, without_point
from lsdc.phantom.planting import PLANTED, plant
from lsdc.phantom.points import annotate
from lsdc.phantom.quirks import Planted, draw_quirks
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
from lsdc.phantom.spoil import join_frames, spoil_dataset, spoil_file
from lsdc.seeding import generator, seed_for
from lsdc.taxonomy import ANNOTATED_PLANE, TARGETS

Part = Literal["train", "test"]
PRIME = 4_293_967_283  # ids are spread over it without collisions, and stay below 2^32
BEYOND = 1 << 32  # study ids of the quirk ten_digit_ids start here
ATTEMPTS = 50
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
    planted: list[Planted]  # quirks, and where they are
    labelled: np.ndarray  # (25,) bool, targets whose grade the tables show
    points: list[dict]  # rows of train_label_coordinates.csv without study_id


def study_number(seed: int, part: Part, index: int, *, beyond: bool = False) -> int:
    """study_id of a study: unique within a folder, 7 to 10 digits, not in order of index; beyond: above 2^32."""
    number = 2 * index + (part == "test")
    return BEYOND + PRIME // 2 + number if beyond else _spread(seed, "studies", number)


def series_number(seed: int, part: Part, index: int, place: int) -> int:
    """series_id of the series at a place (below 16) of a study; unique within a folder."""
    return _spread(seed, "series", (2 * index + (part == "test")) * SERIES_PER_STUDY + place)


def _spread(seed: int, what: str, number: int) -> int:
    factor = 1 + seed_for(seed, "phantom", what, "factor") % (PRIME - 1)
    shift = seed_for(seed, "phantom", what, "shift")
    return 1_000_000 + (factor * number + shift) % PRIME


def plan_study(seed: int, part: Part, index: int, forced: frozenset[str] = frozenset()) -> StudyPlan:
    """Draw a study; the same arguments give the same study, however many others there are.

    forced: quirks that it has whatever their rates.
    """
    labels = draw_labels(seed, part, index)
    random = {what: generator(seed, "phantom", part, index, what)
              for what in ("patient", "scanner", "quirks", "points", "misreading")}
    quirks = draw_quirks(random["quirks"], part, forced)
    patient = pose(random["patient"], draw_anatomy(random["patient"], labels.z))
    scanner = draw_scanner(random["scanner"])
    plans = plan_sagittal(random["scanner"], patient, stir=random["scanner"].random() < STIR_RATE)
    plans += plan_axial(random["scanner"], patient, several="several_axial" in quirks)
    for attempt in range(ATTEMPTS):
        planting = plant(generator(seed, "phantom", part, index, "planting", attempt), list(plans), quirks)
        if not forced & PLANTED - {one.quirk for one in planting.planted}:
            break  # every forced quirk has found its series
    series = tuple((series_number(seed, part, index, place), plan) for place, plan in enumerate(planting.plans))
    labelled, points, misplaced = _tables(part, random["misreading"], random["points"], patient, series, quirks)
    number = study_number(seed, part, index, beyond="ten_digit_ids" in quirks)
    return StudyPlan(seed, part, index, number, labels, patient, scanner, series, planting.planted + misplaced,
                     labelled, points)


def variant_of(seed: int, part: Part, index: int) -> str:
    """The count of lumbar-type bodies of a study, without planning the rest of it."""
    return draw_anatomy(generator(seed, "phantom", part, index, "patient"), draw_labels(seed, part, index).z).variant


def _tables(
    part: Part, random: np.random.Generator, clicks: np.random.Generator, patient: Patient,
    series: tuple[tuple[int, SeriesPlan], ...], quirks: frozenset[str],
) -> tuple[np.ndarray, list[dict], list[Planted]]:
    """Labelled targets (25,), points, and what was planted there. clicks: the annotator's noise."""
    nothing = np.zeros(len(TARGETS), dtype=bool)
    no_label = unlabelled(random) if "missing_labels" in quirks else nothing
    no_point = without_point(random) if "missing_coordinates" in quirks else nothing
    points = annotate(clicks, patient, list(series), no_label | no_point)
    pointed = {(row["condition"], row["level"]) for row in points}
    points, planted = misread(random, points, list(series), quirks)
    if part == "test":
        return ~no_label, [], []
    if no_label.any():
        planted.append(Planted("missing_labels"))
    shown = {plan.plane for _, plan in series if plan.named}
    shown -= {plan.plane for _, plan in series if len(plan.planes) == 1}
    if any((target.condition_title, target.level.title) not in pointed and not no_label[place]
           and ANNOTATED_PLANE[target.condition] in shown for place, target in enumerate(TARGETS)):
        planted.append(Planted("missing_coordinates"))  # also those that lie outside every image
    return ~no_label, points, planted


def write_study(plan: StudyPlan, folder: Path) -> None:
    """Render a study into `folder` (<series_id>/<instance_number>.dcm); it appears only when it is whole."""
    random = generator(plan.seed, "phantom", plan.part, plan.index, "pixels")
    tiles = texture_tiles(random)
    with written_aside(folder) as aside:
        aside.mkdir()
        for scan in sorted({series.scan for _, series in plan.series}):
            group = [entry for entry in plan.series if entry[1].scan == scan and entry[1].files == "written"]
            if group:
                _write_group(plan, group, aside, tiles, random)
        for series_id, series in plan.series:
            if series.files == "none":
                (aside / str(series_id)).mkdir()
            if any(spoil.quirk == "multi_frame" for spoil in series.spoils):
                join_frames(aside / str(series_id), [aside / str(series_id) / f"{number}.dcm"
                                                     for number in series.instance_numbers])


def _write_group(
    plan: StudyPlan, group: list[tuple[int, SeriesPlan]], folder: Path, tiles: np.ndarray, random: np.random.Generator
) -> None:
    """Series on the same slices, so that shapes are computed once."""
    first, contrasts = group[0][1], [series.contrast for _, series in group]
    receivers = [Receiver(plan.scanner, random) for _ in group]
    headers = [series_dataset(_tags(plan, series_id, series)) for series_id, series in group]
    for series_id, _ in group:
        (folder / str(series_id)).mkdir(parents=True)
    for index, plane in enumerate(first.planes):
        ideal, depth_axis, centre_px = ideal_images(plan, first, plane, contrasts, tiles, random)
        for image, receiver, header, (series_id, series) in zip(ideal, receivers, headers, group, strict=True):
            own = series.planes[index]
            stored = series.stored_pixels(receiver.stored(image, own, depth_axis, centre_px))
            path = folder / str(series_id) / f"{series.instance_numbers[index]}.dcm"
            spoils = series.spoils_of(index)
            data = slice_dataset(path.stem, stored, series.stored_plane(index), series.instance_numbers[index],
                                 copy.deepcopy(header) if spoils else header)
            spoil_dataset(data, stored, spoils)
            write_dataset(path, data)
            spoil_file(path, spoils)


def ideal_images(
    plan: StudyPlan, series: SeriesPlan, plane: SlicePlane, contrasts: Sequence[Contrast | Share], tiles: np.ndarray,
    random: np.random.Generator,
) -> tuple[list[np.ndarray], int, float]:
    """Ideal images of a plane of a series, in each contrast, at the acquired resolution.

    With them the array axis that runs to the patient's back, and the canal's place on it, as Receiver needs them.
    """
    acquired = acquired_plane(plane, RENDER_MM[series.plane])
    if series.body_part != "LSPINE":
        return paint_knee(acquired, contrasts, random), 0, acquired.size_hw[0] / 2
    depth_axis = int(orientation_of(plane) == "sagittal")
    middle = plan.patient.place(plan.patient.anatomy.disc_s[5], 0.0, 25.0)
    ideal = render_slice(plan.patient, acquired, series.thickness_mm, tuple(contrasts), sub_slices=SUB_SLICES,
                         saturated=depth_axis == 1, tiles=tiles, random=random)
    return ideal, depth_axis, float(acquired.to_pixel(middle)[0][1 - depth_axis])


def _tags(plan: StudyPlan, series_id: int, series: SeriesPlan) -> SeriesTags:
    place = [number for number, _ in plan.series].index(series_id)
    return SeriesTags(
        study_id=plan.study_id, series_id=series_id, series_number=place + 2,
        description=_series_description(series), contrast=series.contrast,
        scanner=plan.scanner.name, field_tesla=plan.scanner.field_tesla, thickness_mm=series.thickness_mm,
        spacing_mm=series.spacing_mm, body_part=series.body_part,
        left_out=frozenset(one.quirk for one in plan.planted),
    )


def _series_description(series: SeriesPlan) -> str:
    """What the scanner's operator called a series; unlike the table's words."""
    if not series.named and series.in_table:
        return series.described
    return f"{series.plane.value.split('_')[0].title()} {series.contrast.upper()}"
