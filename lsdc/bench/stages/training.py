"""Training: batches of crops against decoding DICOM for each, and a step of the detector and of the classifier."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from lsdc.bench.stages.finding import USUAL_PX
from lsdc.bench.stages.ground import Ground
from lsdc.bench.stages.plain_dicom import plain_slice
from lsdc.bench.stages.race import Race, Rival, Timed
from lsdc.competition import CompetitionFolder, Study, StudySeries, read_study
from lsdc.crops import CropStore, cut_views, point_locations
from lsdc.dicom import Series
from lsdc.grade.samples import graded_points
from lsdc.grade.train import graded_crops
from lsdc.tables import LOCATION_ERRORS, POINTS

BACKWARD = 2  # times the arithmetic of going forward
TRAVELS, TRAVELLERS = 20, 512  # batches from a process that are timed, crops in each: as many as a GPU is given


def loader(ground: Ground) -> Race:
    from lsdc.grade.fit import loader_of

    data, size = crop_data(ground), ground.settings.training.batch_size
    batches = loader_of(data, ground.settings, torch.device("cpu"), seed=ground.settings.seed, training=True)
    whole = crop_data(ground, DecodedCrops(ground.folder, data.store))
    sparing = crop_data(ground, DecodedCrops(ground.folder, data.store, sparing=True))

    def one_batch(one: Dataset) -> list:
        return list(islice(DataLoader(PerItem(one), batch_size=size, shuffle=True), 1))

    def stored() -> torch.Tensor:
        return torch.from_numpy(np.stack([data.store.image(row["file"], row["offset"]) for row in data.samples]))

    count = len(data) / size
    return Race(lambda: list(batches), f"batch of {size} augmented crops", "Python (augmenting crop by crop)", (
        Rival("DataLoader that decodes a crop's series", lambda: one_batch(whole), goal=10),
        Rival("DataLoader that decodes a crop's slices, all else known", lambda: one_batch(sparing)),
    ), bound=stored, times=count, bound_times=count)


def travel(ground: Ground) -> Race:
    """A finished batch from a loader's process into this one and copied here, as it is for a GPU."""
    from lsdc.grade.dataset import in_unit
    from lsdc.grade.fit import loader_of

    few = next(iter(loader_of(crop_data(ground), ground.settings, torch.device("cpu"), seed=ground.settings.seed,
                              training=True)))
    batch = {name: values[torch.arange(TRAVELLERS) % len(values)] for name, values in few.items()}
    floats = in_unit(batch)
    return Race(lambda: _through_a_process(batch), f"batch of {TRAVELLERS} crops, finished",
                "memory (three copies, pages of a new file)", (
        Rival("float32 images", lambda: _through_a_process(floats), times=TRAVELS,
              agrees=lambda ours, its: torch.equal(ours.float() / 255, its)),
    ), bound=lambda: [batch["image"].clone() for _ in range(TRAVELS)], times=TRAVELS, bound_times=TRAVELS)


def _through_a_process(batch: dict[str, torch.Tensor]) -> Timed:
    """TRAVELS batches; the process has started before the clock does."""
    came = iter(DataLoader(Ready(batch, 1 + TRAVELS), batch_size=None, num_workers=1, prefetch_factor=2))
    next(came)
    began = perf_counter()
    last = [one["image"].clone() for one in came][-1]
    return Timed(last, perf_counter() - began)


class Ready(Dataset):
    """The same batch over and over, put together anew each time."""

    def __init__(self, batch: dict[str, torch.Tensor], count: int):
        self.batch, self.count = batch, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        return {name: values.clone() for name, values in self.batch.items()}


def crop_data(ground: Ground, store: CropStore | None = None):
    """Augmented crops of the studies' graded targets; store: in the place of the kept ones."""
    from lsdc.grade.augment import jitter_pool
    from lsdc.grade.dataset import CropDataset
    from lsdc.grade.fit import samples_of

    kept = graded_crops(ground.folder, list(ground.studies), ground.settings)
    return CropDataset(store or kept, samples_of(kept.rows), ground.settings.crops, augment=ground.settings.augment,
                       errors=jitter_pool(LOCATION_ERRORS.empty()), seed=ground.settings.seed)


class PerItem(Dataset):
    """One crop by its number, as a plain DataLoader wants it."""

    def __init__(self, data):
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        from lsdc.grade.batches import Shown

        return {name: values[0] for name, values in self.data[[Shown(0, number)]].items()}


class DecodedCrops:
    """A CropStore that keeps nothing: each crop is cut out of its DICOM files when it is asked for.

    sparing: only the slices of the crop are decoded; order, geometry and windows of each series are looked up once.
    """

    def __init__(self, folder: CompetitionFolder, store: CropStore, *, sparing: bool = False):
        self.folder, self.rows, self.settings = folder, store.rows, store.settings
        points = graded_points(folder, sorted(set(store.rows["study_id"].tolist())))[list(POINTS.columns)]
        self.points = {tuple(row[["study_id", "condition", "side", "level"]]): row for _, row in points.iterrows()}
        self.keys = {(row.file, row.offset): (row.study_id, row.condition, row.side, row.level)
                     for row in store.rows.itertuples()}
        self.studies = {one: _sparing(read_study(folder, one, "train")) for one in
                        set(store.rows["study_id"])} if sparing else {}

    def image(self, file: str, offset: int) -> np.ndarray:
        """(views, slices, size, size) uint8, the very values that are stored."""
        point = self.points[self.keys[file, offset]]
        study = self.studies.get(point.study_id) or self._study(point)
        (location,), _ = point_locations(study, point.to_frame().T)
        views = cut_views(study, location, self.settings, among={one.series_id for one in study.series})
        return np.round(views.image * 255).astype(np.uint8)

    def _study(self, point: pd.Series) -> Study:
        if self.settings.views != "own":
            return read_study(self.folder, int(point.study_id), "train")
        own = self.folder.series_of(int(point.study_id), "train")
        alone = replace(self.folder, series={"train": own[own["series_id"] == point.series_id]})
        return read_study(alone, int(point.study_id), "train")


class DecodedSlices(Sequence):
    """Images of a series that are decoded whenever they are looked at."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return plain_slice(self.paths[index])


def _sparing(study: Study) -> Study:
    return replace(study, series=tuple(
        StudySeries(one.series_id, one.plane, _undecoded(one.series)) for one in study.series))


def _undecoded(series: Series) -> Series:
    return replace(series, images=DecodedSlices(series.paths))


def detector_step(ground: Ground) -> Race:
    px, batch = ground.settings.detector.image_px, ground.settings.detector.batch

    def forwards() -> Timed:
        step = ground.beside.step(px, batch)
        return Timed(step, (1 + BACKWARD) * step.forward_seconds)

    return Race(lambda: _timed(ground.beside.step(px, batch)), f"step of {batch} canvases of {px} px",
                "arithmetic (the network)", (
        Rival(f"as many of {USUAL_PX} px (one at a time)", lambda: _timed(ground.beside.step(USUAL_PX, 1)),
              times=1 / batch),
    ), bound=forwards)


def _timed(step) -> Timed:
    return Timed(step, step.seconds)


def classifier_step(ground: Ground) -> Race:
    from lsdc.grade.dataset import in_unit
    from lsdc.grade.fit import loader_of
    from lsdc.grade.model import build_model
    from lsdc.grade.module import GradingModule

    settings = ground.settings
    batch = next(iter(loader_of(crop_data(ground), settings, torch.device("cpu"), seed=settings.seed, training=True)))

    shown = in_unit(batch)

    def network():
        torch.manual_seed(settings.seed)
        return build_model(settings.classifier.model_copy(update={"weights": None}), settings.crops).to(
            memory_format=torch.channels_last).train()

    module = GradingModule(network(), settings.model_copy(update={"training": settings.training.model_copy(
        update={"loss": "cross_entropy"})}), steps=1, seed=settings.seed).train()
    optimizer = module.configure_optimizers()["optimizer"]
    plain = network()
    plain_optimizer = torch.optim.AdamW(plain.parameters(), lr=settings.training.learning_rate)

    def ours() -> float:
        optimizer.zero_grad()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there is no trainer to log to
            loss = module.training_step(batch, 0)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.model.parameters(), settings.training.gradient_clip or 1.0)
        optimizer.step()
        if module.average is not None:
            module.average.update_parameters(module.model)
        return float(loss.detach())

    def plainly() -> float:
        plain_optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(plain(shown).logits, batch["severity"])
        loss.backward()
        plain_optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def forward() -> list:
        return [plain(shown) for _ in range(1 + BACKWARD)]

    return Race(ours, f"step of {len(batch['severity'])} crops", "arithmetic (the network)", (
        Rival("plain torch: forward, loss, backward, AdamW", plainly),), bound=forward)
