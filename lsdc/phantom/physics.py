"""What a narrowing does to the images: areas and depths measured on noisy slices, within the truth masks.

Canal: bright fluid of the dural sac on axial T2, mm2. Foraminal: bright fat around the root on sagittal T1, mm2.
Subarticular: depth of the free recess on axial T2, along antero-posterior lines 9 to 10 mm from the midline, mm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from lsdc.dicom.plane import SlicePlane, orientation_of
from lsdc.phantom.anatomy import FIRST
from lsdc.phantom.canvas import Contrast, Share, Tissue, signal
from lsdc.phantom.latents import draw_labels
from lsdc.phantom.points import OUT_OF_PLANE_MM, target_place
from lsdc.phantom.profiles import back_of_column
from lsdc.phantom.render import Patient, texture_tiles
from lsdc.phantom.scanner import Receiver
from lsdc.phantom.study import StudyPlan, ideal_images, plan_study
from lsdc.seeding import generator
from lsdc.taxonomy import TARGETS, Condition, Level, Plane, Side, Target

POOL = 200  # studies among which targets are looked for
COVERED_Z = (-1.5, 2.5)  # beyond, some shapes are as wide or as narrow as they get
SAC = frozenset({Tissue.CSF, Tissue.NERVE, Tissue.CORD, Tissue.DURA})
FREE = frozenset({Tissue.FAT, *SAC})
FORAMEN_BOX_MM = (10.0, 12.0)  # half width and half height
SAC_BOX_MM = (18.0, 18.0)
RECESS_U_MM = (9.0, 9.5, 10.0)
RECESS_FROM_MM, RECESS_START_MM, RECESS_TO_MM, STEP_MM = -1.0, 3.0, 12.0, 0.1  # behind the back of the column


@dataclass(frozen=True, eq=False)
class View:
    """A target on the slice nearest to it.

    image: (rows, columns) float32 on `plane`, with blur, shading and noise, 1 is the brightest fluid.
    share: (rows, columns) float32, the truth: how much of a pixel is the tissue that the condition is measured by.
    """

    patient: Patient
    target: Target
    plane: SlicePlane
    contrast: Contrast
    image: np.ndarray
    share: np.ndarray


def measure_narrowing(seed: int, count: int) -> pd.DataFrame:
    """Measurements on `count` targets of each condition, each of another study of a phantom's train part.

    Columns condition, side, level, z, measured. The latents z of the targets lie evenly over COVERED_Z.
    """
    labels = [draw_labels(seed, "train", index).z for index in range(POOL)]
    rows = []
    for condition, (plane, tissues, measure) in _MEASURES.items():
        for index, place in _covering(np.array(labels), condition, count):
            plan = plan_study(seed, "train", index)
            view = _view(plan, TARGETS[place], plane, tissues)
            if view is not None:
                rows.append({**TARGETS[place]._asdict(), "z": plan.labels.z[place], "measured": measure(view)})
    return pd.DataFrame(rows)


def _covering(z: np.ndarray, condition: Condition, count: int) -> list[tuple[int, int]]:
    """(study, place in TARGETS) of targets whose z (studies, 25) come nearest to an even spread, a study only once."""
    places = [place for place, target in enumerate(TARGETS) if target.condition == condition]
    free, chosen = z[:, places].copy(), []
    for wanted in np.linspace(*COVERED_Z, count):
        study, column = np.unravel_index(np.nanargmin(np.abs(free - wanted)), free.shape)
        chosen.append((int(study), places[column]))
        free[study] = np.nan
    return chosen


def _view(plan: StudyPlan, target: Target, plane: Plane, tissues: frozenset[Tissue]) -> View | None:
    """The scanned slice nearest to a target; None when no slice of that plane comes near."""
    place = target_place(plan.patient, target)
    found = [(abs(float(one.to_pixel(place)[1])), series, one)
             for _, series in plan.series if series.plane == plane and series.body_part == "LSPINE"
             for one in series.planes if plane.startswith(orientation_of(one))]
    off, series, own = min(found, key=lambda entry: entry[0], default=(np.inf, None, None))
    if off > OUT_OF_PLANE_MM:
        return None
    random = generator(plan.seed, "phantom", "physics", plan.index)
    (ideal, share), *at = ideal_images(plan, series, own, (series.contrast, Share(tissues)), texture_tiles(random),
                                       random)
    stored = Receiver(plan.scanner, random).stored(ideal, own, *at)
    image = (stored.astype(np.float32) - plan.scanner.offset) / plan.scanner.gain
    return View(plan.patient, target, own, series.contrast, image, cv2.resize(share, own.size_hw[::-1]))


def _bright_mm2(view: View, tissue: Tissue, dark: Tissue, box_mm: tuple[float, float]) -> float:
    """Area near the target, in the truth mask, where the image is nearer to a tissue's signal than to a darker one."""
    xy_px, spacing = view.plane.to_pixel(target_place(view.patient, view.target))[0], view.plane.spacing_xy_mm
    rows, columns = np.indices(view.image.shape)
    near = (np.abs(columns - xy_px[0]) * spacing[0] < box_mm[0]) & (np.abs(rows - xy_px[1]) * spacing[1] < box_mm[1])
    bright = view.image > (signal(tissue, view.contrast) + signal(dark, view.contrast)) / 2
    return float((near & bright & (view.share > 0.5)).sum() * spacing[0] * spacing[1])


def _canal_mm2(view: View) -> float:
    return _bright_mm2(view, Tissue.CSF, Tissue.NERVE, SAC_BOX_MM)


def _fat_mm2(view: View) -> float:
    return _bright_mm2(view, Tissue.FAT, Tissue.LIGAMENT, FORAMEN_BOX_MM)


def _recess_mm(view: View) -> float:
    """Median over the lines of the length from the back of the column over what is free, roots included."""
    s = view.patient.anatomy.disc_s[FIRST + list(Level).index(view.target.level)]
    i, right = view.patient.frame.index(np.array(s)), int(view.target.side == Side.RIGHT)
    behind = np.arange(RECESS_FROM_MM, RECESS_TO_MM, STEP_MM)
    level = (signal(Tissue.NERVE, view.contrast) + signal(Tissue.LIGAMENT, view.contrast)) / 2
    depths = []
    for u in RECESS_U_MM:
        u = -u if right else u
        back = back_of_column(view.patient.profiles, i, np.float32(u), np.array(right))
        xy_px = view.plane.to_pixel(view.patient.place(s, u, float(back) + behind))[0].astype(np.float32)
        image, share = (cv2.remap(one, xy_px[:, :1], xy_px[:, 1:], cv2.INTER_LINEAR).ravel()
                        for one in (view.image, view.share))
        depths.append(_first_run((image > level) & (share > 0.5), behind < RECESS_START_MM) * STEP_MM)
    return float(np.median(depths))


def _first_run(free: np.ndarray, may_start: np.ndarray) -> int:
    """How many values in a row are True from the first one on that may start it."""
    if not (free & may_start).any():
        return 0
    rest = free[np.argmax(free & may_start):]
    return len(rest) if rest.all() else int(np.argmin(rest))


_MEASURES: dict[Condition, tuple[Plane, frozenset[Tissue], Callable[[View], float]]] = {
    Condition.CANAL: (Plane.AXIAL_T2, SAC, _canal_mm2),
    Condition.FORAMINAL: (Plane.SAGITTAL_T1, frozenset({Tissue.FAT}), _fat_mm2),
    Condition.SUBARTICULAR: (Plane.AXIAL_T2, FREE, _recess_mm),
}
