"""Quirks of series, planted on a study's plan: which series, which slices; what files do is left to `spoil.py`."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.quirks import QUIRKS, Planted
from lsdc.phantom.scanner import SeriesPlan, Spoil
from lsdc.taxonomy import Plane

FAR_MM = 600.0  # where another body part lies
ODD_BODY_PART = "KNEE"
UNKNOWN_DESCRIPTIONS = ("Sagittal PD", "Coronal T2", "Axial T1", "LOCALIZER")
WHOLE = "whole"  # what concerns a whole series and bears nothing beside it

# of files and headers: what may not be spoiled twice in one series, and how many slices are spoiled
SPOILS: dict[str, tuple[frozenset[str], str]] = {
    "no_pixel_spacing": (frozenset({WHOLE}), "all"), "no_position": (frozenset({"position"}), "some"),
    "duplicated_numbers": (frozenset({"numbers"}), "one"), "monochrome1": (frozenset({"values"}), "all"),
    "eight_bit": (frozenset({"values"}), "all"), "signed": (frozenset({"values"}), "all"),
    "rescaled": (frozenset({"values"}), "all"), "jpeg_lossless": (frozenset({"values", "raw"}), "all"),
    "jpeg_2000": (frozenset({"values", "raw"}), "all"), "rle": (frozenset({"values", "raw"}), "all"),
    "multi_frame": (frozenset({WHOLE}), "all"), "constant_image": (frozenset({WHOLE}), "all"),
    "truncated_file": (frozenset({"raw"}), "one"), "zero_byte_file": (frozenset({"zero"}), "one"),
    "not_dicom": (frozenset({"text"}), "one"),
}
OF_WHOLE_SERIES = {"missing_plane", "empty_series", "series_not_on_disk", "single_slice",
                   *(quirk for quirk, (groups, _) in SPOILS.items() if WHOLE in groups)}


@dataclass
class Planting:
    """A study's series while quirks are planted on them."""

    random: np.random.Generator
    plans: list[SeriesPlan]
    planted: list[Planted] = field(default_factory=list)
    taken: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # by series: what was touched
    spoiled: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # by series: slices

    def choose(self, groups: frozenset[str], fits: Callable[[SeriesPlan], bool] = lambda plan: True) -> int | None:
        """Place of a series that nothing of these groups has touched; those not touched at all first."""
        free = [place for place, plan in enumerate(self.plans) if fits(plan) and plan.files == "written"
                and not self.taken[place] & (groups | {WHOLE}) and not (WHOLE in groups and self.taken[place])]
        if not free:
            return None
        least = min(len(self.taken[place]) for place in free)
        place = int(self.random.choice([place for place in free if len(self.taken[place]) == least]))
        self.taken[place] |= groups
        return place

    def change(self, place: int, quirk: str, **changes: object) -> None:
        self.plans[place] = replace(self.plans[place], **changes)
        self.planted.append(Planted(quirk, place))

    def add(self, quirk: str, plan: SeriesPlan) -> None:
        self.plans.append(plan)
        self.taken[len(self.plans) - 1].add(WHOLE)
        self.planted.append(Planted(quirk, len(self.plans) - 1))


def plant(random: np.random.Generator, plans: list[SeriesPlan], quirks: frozenset[str]) -> Planting:
    """Plant the quirks of series, those of whole series first; one that finds no series is left out."""
    study = Planting(random, plans)
    for quirk in sorted(quirks, key=lambda one: (one not in OF_WHOLE_SERIES, list(QUIRKS).index(one))):
        if quirk in SPOILS:
            _spoil(study, quirk)
        elif quirk in _PLANTERS:
            _PLANTERS[quirk](study, quirk)
    return study


def _spoil(study: Planting, quirk: str) -> None:
    groups, extent = SPOILS[quirk]
    place = study.choose(groups, lambda plan: extent == "all" or len(plan.planes) > 3)
    if place is None:
        return
    plan = study.plans[place]
    if extent == "all":
        slices = tuple(range(len(plan.planes)))
        study.planted.append(Planted(quirk, place))
    else:
        free = [index for index, number in enumerate(plan.instance_numbers)
                if number != 1 and index not in study.spoiled[place]]  # 1 is what duplicated numbers become
        count = 1 if extent == "one" else int(study.random.integers(2, 4))
        slices = tuple(sorted(study.random.choice(free, count, replace=False).tolist()))
        study.spoiled[place].update(slices)
        study.planted += [Planted(quirk, place, index) for index in slices]
    study.plans[place] = replace(plan, spoils=(*plan.spoils, Spoil(quirk, slices)))


def _missing_plane(study: Planting, quirk: str) -> None:
    lost = list(Plane)[study.random.integers(len(Plane))]
    study.plans[:] = [plan for plan in study.plans if plan.plane != lost]
    study.planted.append(Planted(quirk))


def _several_axial(study: Planting, quirk: str) -> None:
    """Done when the axial series were planned (scanner.plan_axial)."""
    if any(plan.plane == Plane.AXIAL_T2 for plan in study.plans):
        study.planted.append(Planted(quirk))


def _copy(study: Planting, fits: Callable[[SeriesPlan], bool] = lambda plan: True) -> SeriesPlan | None:
    """A further series on the slices of one that is there, as when a patient moved and a series was repeated."""
    possible = [plan for plan in study.plans if fits(plan) and plan.files == "written" and not plan.spoils]
    return possible[study.random.integers(len(possible))] if possible else None


def _repeated_sagittal(study: Planting, quirk: str) -> None:
    if plan := _copy(study, lambda plan: plan.plane != Plane.AXIAL_T2):
        study.plans.append(plan)
        study.planted.append(Planted(quirk, len(study.plans) - 1))


def _not_in_table(study: Planting, quirk: str) -> None:
    if plan := _copy(study):
        study.add(quirk, replace(plan, in_table=False))


def _unknown_description(study: Planting, quirk: str) -> None:
    if plan := _copy(study):
        study.add(quirk, replace(plan, described=str(study.random.choice(UNKNOWN_DESCRIPTIONS))))


def _other_body_part(study: Planting, quirk: str) -> None:
    if plan := _copy(study):
        away = np.array([0.0, 0.0, -FAR_MM])
        study.add(quirk, replace(plan, planes=tuple(plane.moved(away) for plane in plan.planes),
                                 body_part=ODD_BODY_PART, scan=_new_scan(study)))


def _no_files(study: Planting, quirk: str) -> None:
    place = study.choose(frozenset({WHOLE}))
    if place is not None:
        study.change(place, quirk, files="none" if quirk == "empty_series" else "no folder")


def _mixed_matrix(study: Planting, quirk: str) -> None:
    """The same field of view on another matrix, from some slice on."""
    place = study.choose(frozenset({"planes"}), lambda plan: len(plan.planes) > 3)
    if place is not None:
        plan = study.plans[place]
        first = int(study.random.integers(1, len(plan.planes) - 1))
        scale = float(study.random.choice([0.8, 1.25]))
        planes = plan.planes[:first] + tuple(_rescaled(plane, scale) for plane in plan.planes[first:])
        study.change(place, quirk, planes=planes)


def _rescaled(plane: SlicePlane, scale: float) -> SlicePlane:
    height, width = plane.size_hw
    rows, columns = round(height * scale), round(width * scale)
    step_x, step_y = plane.step_x_mm * (width / columns), plane.step_y_mm * (height / rows)
    return SlicePlane(plane.to_patient(np.array([-0.5, -0.5])) + (step_x + step_y) / 2, step_x, step_y, (rows, columns))


def _two_orientations(study: Planting, quirk: str) -> None:
    """Two slices at right angles, such as a planning view, behind the others."""
    place = study.choose(frozenset({"planes", "numbers"}), lambda plan: len(plan.planes) > 3)
    if place is not None:
        plan = study.plans[place]
        middle = plan.planes[len(plan.planes) // 2]
        turn, _ = cv2.Rodrigues(np.deg2rad(90) * middle.step_y_mm / np.linalg.norm(middle.step_y_mm))
        centre, step_x = middle.centre_mm, turn @ middle.step_x_mm
        height, width = middle.size_hw
        corner = centre - step_x * (width - 1) / 2 - middle.step_y_mm * (height - 1) / 2
        odd = tuple(SlicePlane(corner + turn @ middle.normal * offset, step_x, middle.step_y_mm, middle.size_hw)
                    for offset in (0.0, plan.spacing_mm))
        last = max(plan.instance_numbers)
        study.change(place, quirk, planes=plan.planes + odd, scan=_new_scan(study),
                     instance_numbers=(*plan.instance_numbers, last + 1, last + 2))


def _single_slice(study: Planting, quirk: str) -> None:
    place = study.choose(frozenset({WHOLE}))
    if place is not None:
        plan = study.plans[place]
        middle = len(plan.planes) // 2
        study.change(place, quirk, planes=(plan.planes[middle],), scan=_new_scan(study),
                     instance_numbers=(plan.instance_numbers[middle],))


def _duplicated_slice(study: Planting, quirk: str) -> None:
    place = study.choose(frozenset({"planes", "numbers"}), lambda plan: len(plan.planes) > 3)
    if place is not None:
        plan = study.plans[place]
        again = int(study.random.integers(len(plan.planes)))
        study.change(place, quirk, planes=(*plan.planes, plan.planes[again]), scan=_new_scan(study),
                     instance_numbers=(*plan.instance_numbers, max(plan.instance_numbers) + 1))


def _gapped_numbers(study: Planting, quirk: str) -> None:
    place = study.choose(frozenset({"numbers"}), lambda plan: len(plan.planes) > 3)
    if place is not None:
        numbers = gap_numbers(study.random, study.plans[place].instance_numbers)
        study.change(place, quirk, instance_numbers=numbers)


def gap_numbers(random: np.random.Generator, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Instance numbers with one to three gaps, order kept. numbers: 1 to their count, in any order."""
    added = np.zeros(max(numbers) + 1, dtype=int)
    for place in random.integers(2, max(numbers) + 1, random.integers(1, 4)):  # behind the first
        added[place:] += random.integers(1, 4)
    return tuple(int(number + added[number]) for number in numbers)


def _reversed_order(study: Planting, quirk: str) -> None:
    def long(plan: SeriesPlan) -> bool:
        return plan.plane != Plane.AXIAL_T2 and plan.files == "written" and len(plan.planes) > 3

    if len({plan.plane for plan in study.plans if long(plan)}) == 2:
        place = study.choose(frozenset({"numbers"}), long)
        if place is not None:
            study.change(place, quirk, instance_numbers=study.plans[place].instance_numbers[::-1])


def _turned(study: Planting, quirk: str) -> None:
    place = study.choose(frozenset({"axes"}))
    if place is not None:
        turns = [1, 2, 3] if quirk == "rotated_axes" else [4, 6]
        study.change(place, quirk, turn=int(study.random.choice(turns)))


def _whole_study(study: Planting, quirk: str) -> None:
    study.planted.append(Planted(quirk))


def _new_scan(study: Planting) -> int:
    return max(plan.scan for plan in study.plans) + 1


_PLANTERS: dict[str, Callable[[Planting, str], None]] = {
    "missing_plane": _missing_plane, "several_axial": _several_axial, "repeated_sagittal": _repeated_sagittal,
    "empty_series": _no_files, "series_not_on_disk": _no_files, "series_not_in_table": _not_in_table,
    "unknown_description": _unknown_description, "other_body_part": _other_body_part,
    "no_slice_thickness": _whole_study, "no_spacing_between_slices": _whole_study, "ten_digit_ids": _whole_study,
    "mixed_matrix": _mixed_matrix, "two_orientations": _two_orientations, "single_slice": _single_slice,
    "duplicated_slice": _duplicated_slice, "gapped_numbers": _gapped_numbers, "reversed_order": _reversed_order,
    "rotated_axes": _turned, "flipped_axes": _turned,
}
PLANTED = frozenset({*SPOILS, *_PLANTERS})  # what `plant` knows
