"""The detector's training images: canvases and box labels of some studies, in the layout that ultralytics reads."""

import logging
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from lsdc.competition import CompetitionFolder, Study, StudySeries, read_study
from lsdc.config import ComputeSettings, DetectorSettings
from lsdc.detect.canvas import Canvases
from lsdc.detect.classes import classes_for
from lsdc.detect.landmarks import Landmark, landmarks
from lsdc.detect.shape import target_positions
from lsdc.detect.training_slices import Label, annotated_slices, training_slices
from lsdc.dicom import SlicePlane
from lsdc.errors import DataError
from lsdc.processes import each
from lsdc.seeding import generator

log = logging.getLogger(__name__)


class WrittenStudy(NamedTuple):
    """What one study gave: images, boxes by class, and its 25 annotated positions (25, 3), nan where missing."""

    study_id: int
    images: int
    boxes: np.ndarray
    positions_mm: np.ndarray


def write_dataset(
    folder: CompetitionFolder, studies: list[int], settings: DetectorSettings, compute: ComputeSettings,
    *, seed: int, root: Path,
) -> list[WrittenStudy]:
    """Write images/ and labels/ of the studies under `root`; DataError when nothing can be learned.

    The same seed gives the same bytes, whatever the number of processes.
    """
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True, exist_ok=True)
    written = list(each(_write_study, [(study_id,) for study_id in studies], what="detector: images",
                        workers=compute.workers, shared=(folder, settings, seed, root)))
    names = classes_for(settings).names
    boxes = sum((one.boxes for one in written), np.zeros(len(names), int))
    if not boxes.sum():
        raise DataError("no annotated slice in any training study", wanted="points of train_label_coordinates.csv",
                        got=f"{len(studies)} studies", where=folder.root,
                        remedy="check the points and the images with another fold, or a fresh download")
    if absent := [name for name, count in zip(names, boxes, strict=True) if count == 0]:
        log.warning("the detector sees no example of: %s", ", ".join(absent))
    return written


def _write_study(
    folder: CompetitionFolder, settings: DetectorSettings, seed: int, root: Path, study_id: int
) -> WrittenStudy:
    study = read_study(folder, study_id, "train")
    points = landmarks(study, folder.points)
    images, boxes = 0, np.zeros(len(classes_for(settings)), int)
    for one in study.series:
        count, found = _write_series(study, one, points, settings, seed, root)
        images, boxes = images + count, boxes + found
    return WrittenStudy(study_id, images, boxes, target_positions(points))


def _write_series(
    study: Study, one: StudySeries, points: list[Landmark], settings: DetectorSettings, seed: int, root: Path
) -> tuple[int, np.ndarray]:
    if settings.slices == "annotated":
        chosen = annotated_slices(one, points)
    else:
        chosen = training_slices(one, points, count=settings.slices_per_series,
                                 generator=generator(seed, "detector slices", study.study_id, one.series_id))
    classes = classes_for(settings)
    boxes = np.zeros(len(classes), int)
    if not chosen:
        return 0, boxes
    canvases = Canvases.for_training(one.series, settings)
    for index, labels, veiled in chosen:
        pixels, plane = canvases.draw(index)
        for label in veiled:
            veil(pixels, plane, label, canvases.box_wh(index, classes[label.detector_class].condition))
        lines = [line for label in labels if (line := box_line(
            plane, label, canvases.box_wh(index, classes[label.detector_class].condition)))]
        name = f"{study.study_id}_{one.series_id}_{index:03d}"
        encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
        (root / "images" / f"{name}.png").write_bytes(encoded.tobytes())
        (root / "labels" / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
        boxes += np.bincount([int(line.split()[0]) for line in lines], minlength=len(classes))
    return len(chosen), boxes


def box_line(plane: SlicePlane, label: Label, box_wh: np.ndarray) -> str | None:
    """A YOLO label line (class, then centre x, y, width, height as shares of the canvas); None outside of it.

    box_wh: (2,) width and height of the box, px of the canvas.
    """
    (x, y), _ = plane.to_pixel(label.position_mm)
    height, width = plane.size_hw
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        return None
    return (f"{label.detector_class} {(x + 0.5) / width:.6f} {(y + 0.5) / height:.6f} "
            f"{box_wh[0] / width:.6f} {box_wh[1] / height:.6f}\n")


def veil(pixels: np.ndarray, plane: SlicePlane, label: Label, box_wh: np.ndarray) -> None:
    """Cover a structure that may or may not show with its box's mean grey, so that nothing is taught there."""
    (x, y), _ = plane.to_pixel(label.position_mm)
    half_w, half_h = box_wh / 2
    box = pixels[max(round(y - half_h), 0):max(round(y + half_h), 0),
                 max(round(x - half_w), 0):max(round(x + half_w), 0)]
    if box.size:
        box[:] = round(float(box.mean()))
