"""Fitting a network with Lightning: loaders, trainer, checkpoints. Training only."""

import logging
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from lsdc.config.sections import ComputeSettings, Settings
from lsdc.crops import CropStore
from lsdc.device import choose_device
from lsdc.errors import DeviceError
from lsdc.grade.augment import jitter_pool
from lsdc.grade.balance import balance
from lsdc.grade.dataset import CropDataset, EpochBatches
from lsdc.grade.heads import LEVELS
from lsdc.grade.history import History
from lsdc.grade.losses import focal_class_weights
from lsdc.grade.model import CONDITIONS, GradingModel, build_model
from lsdc.grade.module import GradingModule
from lsdc.seeding import seed_for
from lsdc.taxonomy import SEVERITY_WEIGHTS, Severity

SMOOTHING = 4.0  # labels of the condition's own rates added to each level's, where a network starts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """What came of a training."""

    model: GradingModel
    epochs: int
    losses: dict[str, float]


def fit(
    store: CropStore, tuning_store: CropStore | None, errors: pd.DataFrame, settings: Settings, seed: int, work: Path
) -> Fitted:
    """Train on the store's crops, going on from work/last.ckpt if there is one; the best or last network, on the CPU.

    store.rows: with severity. errors: LOCATION_ERRORS. Writes history.csv, tensorboard/ and checkpoints to `work`.
    Global random state is left as it was. DeviceError when a GPU is asked for and absent, or out of memory.
    """
    device = choose_device(settings.compute)
    samples = _samples(store.rows, balanced=settings.training.balance, seed=seed)
    data = CropDataset(store, samples, settings.crops, augment=settings.augment, errors=jitter_pool(errors), seed=seed)
    last, best = Path(work) / "last.ckpt", Path(work) / "best.ckpt"
    with torch.random.fork_rng(), warnings.catch_warnings():
        _quiet()
        torch.manual_seed(seed_for(seed, "weights"))
        model = build_model(settings.classifier, settings.crops)
        if settings.training.loss == "weighted_cross_entropy":  # whose answers are weighted rates
            model.start_from(*weighted_rates(store.rows))
        model = model.to(memory_format=torch.channels_last)
        loader = _loader(data, settings, device, seed=seed, training=True)
        module = GradingModule(model, settings.training, steps=len(loader), seed=seed,
                               class_weights=_class_weights(samples, settings))
        trainer = _trainer(settings, device, Path(work), tuning=tuning_store is not None)
        tuning = None
        if tuning_store is not None:
            plain = CropDataset(tuning_store, _samples(tuning_store.rows), settings.crops)
            tuning = _loader(plain, settings, device, seed=seed, training=False)
        if last.exists():
            log.info("the training goes on from its last epoch")
        try:
            trainer.fit(module, loader, tuning, ckpt_path=str(last) if last.exists() else None)
        except torch.OutOfMemoryError as error:
            raise DeviceError("the GPU is out of memory", got=str(error).splitlines()[0], where=device,
                              remedy="lower training.batch_size or crops.size_px, or use compute.precision=bf16-mixed",
                              ) from error
        if settings.training.early_stop_patience:
            module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    losses = {name: float(value) for name, value in trainer.callback_metrics.items() if name.endswith("_loss")}
    return Fitted(module.final.cpu().eval(), trainer.current_epoch, losses)


def weighted_rates(rows: pd.DataFrame) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight-multiplied rates of severities among labelled rows, (conditions, levels, 3), and (conditions, 3) pooled.

    Every severity counts as seen once more in its condition, so that none starts impossible.
    """
    rates, pooled = np.zeros((len(CONDITIONS), len(LEVELS), len(Severity))), np.zeros((len(CONDITIONS), len(Severity)))
    for c, condition in enumerate(CONDITIONS):
        own = rows[rows["condition"] == condition]
        pooled[c] = np.bincount(own["severity"], minlength=len(Severity)) + 1.0
        for k, level in enumerate(LEVELS):
            counts = np.bincount(own["severity"][own["level"] == level], minlength=len(Severity))
            rates[c, k] = counts + SMOOTHING * pooled[c] / pooled[c].sum()
    rates, pooled = rates * SEVERITY_WEIGHTS, pooled * SEVERITY_WEIGHTS
    return (torch.from_numpy(rates / rates.sum(axis=2, keepdims=True)),
            torch.from_numpy(pooled / pooled.sum(axis=1, keepdims=True)))


def _samples(rows: pd.DataFrame, *, balanced: bool = False, seed: int = 0) -> pd.DataFrame:
    if not balanced:
        return rows.assign(operation=pd.NA)
    plan = balance(rows, seed)
    return rows.iloc[plan["source"]].assign(operation=plan["operation"].to_numpy(object)).reset_index(drop=True)


def _class_weights(samples: pd.DataFrame, settings: Settings) -> torch.Tensor | None:
    if settings.training.loss != "focal":
        return None
    counts = [np.bincount(samples["severity"][samples["condition"] == one], minlength=len(Severity))
              for one in CONDITIONS]
    return focal_class_weights(torch.tensor(np.array(counts)), settings.training.focal_weighting).float()


def _loader(data: CropDataset, settings: Settings, device: torch.device, *, seed: int, training: bool) -> DataLoader:
    """Whole batches from the dataset. On a CPU the network and the loader share the cores, so no workers there."""
    batches = EpochBatches(
        data.condition, settings.training.batch_size if training else settings.compute.batch_size, seed=seed,
        apart=training and not settings.classifier.shared, shuffle=training,
    )
    workers = 0 if device.type == "cpu" else settings.compute.workers or os.cpu_count() or 1
    return DataLoader(data, sampler=batches, batch_size=None, num_workers=workers, pin_memory=device.type == "cuda",
                      persistent_workers=workers > 0)


def _trainer(settings: Settings, device: torch.device, work: Path, *, tuning: bool) -> Trainer:
    callbacks: list[Callback] = [
        History(work / "history.csv"),
        # one file under one name, replaced whole: Lightning's own last.ckpt may stay behind as last-v1.ckpt
        ModelCheckpoint(work, filename="last", enable_version_counter=False, save_on_train_epoch_end=True),
    ]
    if tuning and settings.training.early_stop_patience:
        callbacks += [
            EarlyStopping("tuning_loss", patience=settings.training.early_stop_patience),
            ModelCheckpoint(work, filename="best", monitor="tuning_loss", enable_version_counter=False),
        ]
    if bar := sys.stderr.isatty():
        callbacks.append(TQDMProgressBar())
    return Trainer(
        accelerator="cpu" if device.type == "cpu" else "gpu", devices=_devices(settings.compute, device),
        precision=settings.compute.precision, max_epochs=settings.training.epochs,
        gradient_clip_val=settings.training.gradient_clip or None, callbacks=callbacks, enable_progress_bar=bar,
        logger=TensorBoardLogger(work, name="tensorboard", version=""), log_every_n_steps=10,
        enable_model_summary=False, use_distributed_sampler=False, num_sanity_val_steps=0,
        benchmark=device.type == "cuda",
    )


def _devices(compute: ComputeSettings, device: torch.device) -> int:
    if device.type == "cpu":
        return 1
    if compute.devices > (found := torch.cuda.device_count()):
        raise DeviceError("fewer GPUs than asked for", wanted=compute.devices, got=found, where="compute.devices",
                          remedy=f"use --set compute.devices={found}")
    return compute.devices


def _quiet() -> None:
    """What Lightning says of itself at each start is not about this training."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for text in ("does not have many workers", "Checkpoint directory", "The number of training batches",
                 "isinstance.*LeafSpec", "Trying to infer the `batch_size`", "Starting from v1.9.0",
                 "You defined a `validation_step`"):
        warnings.filterwarnings("ignore", message=f".*{text}")
