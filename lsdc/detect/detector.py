"""A trained detector from its files: candidates of all series of a study. No ultralytics here."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lsdc.competition import Study, StudySeries
from lsdc.config import DetectorSettings
from lsdc.detect.canvas import Canvases
from lsdc.detect.classes import CLASSES, TARGET_CLASSES, ClassList, classes_for
from lsdc.detect.decode import decode_boxes, select_boxes
from lsdc.detect.script import load_script
from lsdc.detect.shape import SpineShape
from lsdc.device import sent
from lsdc.dicom import SlicePlane
from lsdc.errors import LsdcError, WeightsError
from lsdc.files import file_hash, read_json

log = logging.getLogger(__name__)

MODEL_FILE, RECORD_FILE = "detector.torchscript", "detector.json"
FORMAT = 2  # of the record
BATCH = 16
Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]
CANDIDATE_COLUMNS = {
    "series_id": "int64", "slice_index": "int64", "detector_class": "int64", "confidence": "float64",
    "x_px": "float64", "y_px": "float64", "x_mm": "float64", "y_mm": "float64", "z_mm": "float64",
}


@dataclass(frozen=True, eq=False)
class Detector:
    """An exported detector: the network, the settings it was trained with, and the spine's shape it learned."""

    network: torch.jit.ScriptModule
    settings: DetectorSettings
    shape: SpineShape
    fold: int
    device: torch.device
    batch: int = BATCH

    @classmethod
    def load(cls, folder: Path, device: str | torch.device = "cpu", *, batch: int = BATCH) -> "Detector":
        """The detector that `train_detector` wrote to a folder; WeightsError when its files are not whole.

        batch: slices that the network sees at once; the answers do not depend on it.
        """
        folder = Path(folder)
        record = read_record(folder)
        path = folder / MODEL_FILE
        try:
            settings = DetectorSettings.model_validate(record["settings"])
            shape, fold, digest = SpineShape.from_json(record["shape"]), int(record["fold"]), record["sha256"]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _unreadable(folder / RECORD_FILE, f"{type(error).__name__}: {error}") from error
        try:
            found = file_hash(path)
        except OSError as error:
            raise WeightsError("the detector's network is missing", wanted=MODEL_FILE, where=folder, got=error.strerror,
                               remedy="train the fold again, or copy the whole folder") from error
        if found != digest:
            raise WeightsError("the detector's network is not the one its record describes", where=path,
                               wanted=f"sha256 {digest}", got=f"sha256 {found}",
                               remedy="train the fold again, or copy the whole folder")
        device = torch.device(device)
        return cls(load_network(path, device), settings, shape, fold, device, batch)

    @property
    def classes(self) -> ClassList:
        return classes_for(self.settings)

    def candidates(self, study: Study) -> pd.DataFrame:
        """What the network sees on every slice of every series, as CANDIDATE_COLUMNS.

        x_px, y_px: pixels of the slice as stored; x_mm, y_mm, z_mm: the same place in the patient.
        """
        frames = [self._series_candidates(one) for one in study.series]
        frames = [frame for frame in frames if len(frame)] or [pd.DataFrame(columns=list(CANDIDATE_COLUMNS))]
        return pd.concat(frames, ignore_index=True).astype(CANDIDATE_COLUMNS)

    def _series_candidates(self, one: StudySeries) -> pd.DataFrame:
        rows = []
        for index, plane, (boxes, scores, classes) in self.seen(one, range(len(one.series))):
            centres = (boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5  # pixel centres are integers
            places = plane.to_patient(centres)
            xy_px, _ = one.series.planes[index].to_pixel(places)
            rows.append(pd.DataFrame({
                "series_id": one.series_id, "slice_index": index, "detector_class": classes, "confidence": scores,
                "x_px": xy_px[:, 0], "y_px": xy_px[:, 1],
                "x_mm": places[:, 0], "y_mm": places[:, 1], "z_mm": places[:, 2],
            }))
        return pd.concat(rows, ignore_index=True)

    def seen(self, one: StudySeries, slices: Sequence[int]) -> Iterator[tuple[int, SlicePlane, Boxes]]:
        """For some slices of a series: index, the plane of its canvas, and what `boxes` finds there."""
        canvases = Canvases.for_inference(one.series, self.settings)
        for start in range(0, len(slices), self.batch):
            some = slices[start:start + self.batch]
            drawn = [canvases.draw(index) for index in some]
            found = self.boxes(np.stack([pixels for pixels, _ in drawn]), self.classes.of(one.plane))
            yield from zip(some, [plane for _, plane in drawn], found, strict=True)

    @torch.inference_mode()
    def boxes(self, canvases: np.ndarray, classes: tuple[int, ...]) -> list[Boxes]:
        """(B, H, W) uint8 canvases to, for each, (K, 4) boxes x1, y1, x2, y2 in px, (K,) scores and (K,) classes."""
        images = sent(torch.from_numpy(canvases), self.device)[:, None].float() / 255  # (B, 1, H, W)
        if self.device.type == "cpu":
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.jit.optimized_execution(self.device.type == "cpu"):  # on a GPU it compiles longer than it then saves
            answer = self.network(images)
        boxes, scores = decode_boxes(answer.float(), canvases.shape[1:])
        found = [select_boxes(*pair, classes, confidence=self.settings.confidence, overlap=self.settings.overlap)
                 for pair in zip(boxes, scores, strict=True)]
        return [tuple(part.cpu().numpy().astype(kind) for part, kind in zip(one, (float, float, int), strict=True))
                for one in found]


def load_network(path: Path, device: torch.device) -> torch.jit.ScriptModule:
    """The network of a file that `export_network` wrote, ready to be asked; WeightsError for one that does more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, yet loads on every torch that we support
        network = load_script(path, device).eval()
    if device.type == "cpu":
        network = network.to(memory_format=torch.channels_last)  # four fifths of the time, the same to 1e-6
    return network


def read_record(folder: Path) -> dict:
    """The checked detector.json of a folder; WeightsError when it is absent or of another kit."""
    path = Path(folder) / RECORD_FILE
    if not path.exists():
        raise WeightsError("there is no trained detector here", wanted=RECORD_FILE, where=folder,
                           remedy="train this fold first: make train-fold")
    try:
        record = read_json(path)
    except LsdcError as error:
        raise _unreadable(path, error.got) from error
    if record.get("classes") not in ([*CLASSES.names], [*TARGET_CLASSES.names]) or record.get("format") != FORMAT:
        raise WeightsError("a detector of another kit or version", where=path,
                           got={key: record.get(key) for key in ("format", "classes")},
                           wanted=f"format {FORMAT}, classes {', '.join(CLASSES.names)}, or the paper's 25",
                           remedy="train the fold again with this version")
    return record


def _unreadable(path: Path, got: object) -> WeightsError:
    return WeightsError("the detector's record cannot be read", where=path, got=got,
                        remedy="train the fold again, or copy the whole folder")
