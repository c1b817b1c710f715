"""A detector's boxes against those of annotated points, slice by slice: what average precision is computed from."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from lsdc.competition import Study, StudySeries
from lsdc.detect.canvas import canvas_size, draw_canvas, series_window
from lsdc.detect.classes import CLASSES, class_of, classes_of
from lsdc.detect.detector import Detector
from lsdc.detect.landmarks import Landmark, landmarks
from lsdc.dicom import SlicePlane
from lsdc.tables import BOX_MATCHES

CONFIDENCE, OVERLAP = 0.001, 0.7  # of ultralytics' validation: weakest box looked at, suppression of doubles
LEAST_IOU = 0.5  # of a pair that is kept


def match_boxes(study: Study, detector: Detector, points: pd.DataFrame, *, batch: int = 16) -> pd.DataFrame:
    """BOX_MATCHES of a study: every slice that an annotated point of its plane's condition names (POINTS rows).

    True boxes are those of the points set on that very slice, as in the paper; what the detector rightly sees of a
    structure that is annotated on the next slice counts against it.
    """
    wide = replace(detector, settings=detector.settings.model_copy(
        update={"confidence": CONFIDENCE, "overlap": OVERLAP}))
    marks = landmarks(study, points)
    tables = [_slice_matches(one, index, [mark for mark in marks if (mark.series_id, mark.slice_index) ==
                                          (one.series_id, index)], plane, found, wide)
              for one in study.series
              for index, plane, found in _seen(one, sorted({mark.slice_index for mark in marks
                                                            if mark.series_id == one.series_id}), wide, batch)]
    tables = [table for table in tables if len(table)]
    return BOX_MATCHES.frame(pd.concat(tables).assign(study_id=study.study_id)) if tables else BOX_MATCHES.empty()


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4): x1, y1, x2, y2."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None, :] - shared)


def paired(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, true_boxes: np.ndarray,
           true_classes: np.ndarray) -> pd.DataFrame:
    """Predicted (p, 4) and true boxes (t, 4) of one slice as rows of BOX_MATCHES: detector_class (a number) and on."""
    rows, overlap = [], box_iou(boxes, true_boxes)
    for name in np.union1d(classes, true_classes):
        truths, mine = np.flatnonzero(true_classes == name), np.flatnonzero(classes == name)
        rows += [(name, pd.NA, np.nan, number, np.nan) for number in range(len(truths))]
        for number, box in enumerate(mine):
            touched = np.flatnonzero(overlap[box, truths] >= LEAST_IOU)
            rows += [(name, number, scores[box], truth, overlap[box, truths[truth]]) for truth in touched]
            rows += [(name, number, scores[box], pd.NA, np.nan)] if len(touched) == 0 else []
    return pd.DataFrame(rows, columns=["detector_class", "prediction", "confidence", "truth", "iou"])


def _seen(one: StudySeries, slices: list[int], detector: Detector, batch: int) -> Iterator[tuple]:
    """(slice index, canvas' plane, found boxes) of some slices, drawn as in inference."""
    if not slices:
        return
    settings = detector.settings
    size_hw = canvas_size(one.series, mm_per_px=settings.mm_per_px, image_px=settings.image_px)
    window = series_window(one.series)
    for start in range(0, len(slices), batch):
        some = slices[start: start + batch]
        drawn = [draw_canvas(one.series.images[i], one.series.planes[i], window, mm_per_px=settings.mm_per_px,
                             size_hw=size_hw) for i in some]
        found = detector.boxes(np.stack([pixels for pixels, _ in drawn]), classes_of(one.plane))
        yield from zip(some, [plane for _, plane in drawn], found, strict=True)


def _true_box(mark: Landmark, plane: SlicePlane, detector: Detector) -> tuple[int, np.ndarray]:
    """Class and box (4,) of a point on a canvas, in the pixels of `Detector.boxes`."""
    (x, y), _ = plane.to_pixel(mark.position_mm)
    half = detector.settings.box_mm.of(mark.target.condition) / detector.settings.mm_per_px / 2
    return class_of(*mark.target), np.array([x + 0.5 - half, y + 0.5 - half, x + 0.5 + half, y + 0.5 + half])


def _slice_matches(one: StudySeries, index: int, marks: list[Landmark], plane: SlicePlane, found: tuple,
                   detector: Detector) -> pd.DataFrame:
    true = [_true_box(mark, plane, detector) for mark in marks]
    rows = paired(*found, np.array([box for _, box in true]), np.array([name for name, _ in true]))
    return rows.assign(series_id=one.series_id, slice_index=index,
                       condition=[CLASSES[name].condition for name in rows["detector_class"]],
                       detector_class=[CLASSES[name].name for name in rows["detector_class"]])
