"""Fitting a network with Lightning: loaders, trainer, checkpoints. Training only."""

import logging
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy
from torch.multiprocessing.spawn import ProcessException
from torch.utils.data import DataLoader

from lsdc.config.sections import ComputeSettings, Settings
from lsdc.crops import CropStore
from lsdc.device import choose_device, memory_of
from lsdc.errors import DeviceError
from lsdc.grade.augment import jitter_pool
from lsdc.grade.balance import balance
from lsdc.grade.batches import EpochBatches
from lsdc.grade.checkpoints import ANEW, WrittenAside
from lsdc.grade.dataset import CropDataset
from lsdc.grade.heads import LEVELS
from lsdc.grade.history import History
from lsdc.grade.launch import MEMORY, Spawned, check_loopback, port_forgotten, quiet, told
from lsdc.grade.losses import UNWEIGHTED, focal_class_weights
from lsdc.grade.model import CONDITIONS, GradingModel, build_model
from lsdc.grade.module import GradingModule
from lsdc.grade.stopping import EachPatience, Patience
from lsdc.ranks import rank, started, started_by
from lsdc.seeding import seed_for
from lsdc.taxonomy import SEVERITY_WEIGHTS, Severity
from lsdc.tensors import read_tensors
from lsdc.threads import cores

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
) -> Fitted | None:
    """Train on the store's crops, going on from work/last.ckpt if there is one; the best or last network, on the CPU.

    store.rows: with severity. errors: LOCATION_ERRORS. Writes history.csv, tensorboard/ and checkpoints to `work`.
    Global random state is left as it was. On several devices each has its own process within this call, takes its part
    of every batch and ends with the fit; started by torchrun or Slurm, all of them call this, and None is given back to
    all but the first. DeviceError when a GPU is asked for and absent, or out of memory.
    """
    device = choose_device(settings.compute)
    samples = samples_of(store.rows, balanced=settings.training.balance, seed=seed)
    data = CropDataset(store, samples, settings.crops, augment=settings.augment, errors=jitter_pool(errors), seed=seed)
    last, best = Path(work) / "last.ckpt", Path(work) / "best.ckpt"
    with torch.random.fork_rng(), warnings.catch_warnings(), port_forgotten():
        quiet()
        torch.manual_seed(seed_for(seed, "weights"))
        model = build_model(settings.classifier, settings.crops)
        if settings.training.loss == "cross_entropy":  # whose answers are rates, weighted or not
            model.start_from(*rates(store.rows, SEVERITY_WEIGHTS if settings.classifier.metric_weights == "in_loss"
                                    else UNWEIGHTED))
        model = model.to(memory_format=torch.channels_last)
        loader = loader_of(data, settings, device, seed=seed, training=True)
        module = GradingModule(model, settings, steps=-(-len(loader) // settings.training.accumulate), seed=seed,
                               class_weights=_class_weights(samples, settings))
        trainer = _trainer(settings, device, Path(work), tuning=tuning_store is not None, apart=module.apart)
        tuning = None
        if tuning_store is not None:
            plain = CropDataset(tuning_store, samples_of(tuning_store.rows), settings.crops)
            tuning = loader_of(plain, settings, device, seed=seed, training=False)
        if last.exists():
            log.info("the training goes on from its last epoch")
        try:
            with memory_of(device, lower=MEMORY):
                trainer.fit(module, loader, tuning, ckpt_path=str(last) if last.exists() else None)
        except ProcessException as error:
            raise told(error, device) from error
    if rank():
        return None
    return _fitted(module, last, best if settings.training.early_stop_patience and not module.apart else last)


def _fitted(module: GradingModule, last: Path, kept: Path) -> Fitted:
    """What the files say: the processes of a fit on several devices take all else with them."""
    done = read_tensors(last, remedy=ANEW)
    state = done if kept == last else read_tensors(kept, remedy=ANEW)
    module.load_state_dict(state["state_dict"])
    row = done["callbacks"][History.__qualname__]["rows"][-1]
    losses = {name: value for name, value in row.items() if name.endswith("_loss")}
    if each := done["callbacks"].get(EachPatience.__qualname__):
        for condition, network in each["kept"].items():
            module.final.load_state_dict(network, strict=False)
            losses[f"{condition}_tuning_loss"] = each["best"][condition]
    return Fitted(module.final.cpu().eval(), row["epoch"], losses)


def rates(rows: pd.DataFrame, weights: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rates of severities among labelled rows, times weights (3,): (conditions, levels, 3), (conditions, 3) pooled.

    Every severity counts as seen once more in its condition, so that none starts impossible.
    """
    pooled = np.zeros((len(CONDITIONS), len(Severity)))
    by_level = np.zeros((len(CONDITIONS), len(LEVELS), len(Severity)))
    for c, condition in enumerate(CONDITIONS):
        own = rows[rows["condition"] == condition]
        pooled[c] = np.bincount(own["severity"], minlength=len(Severity)) + 1.0
        for k, level in enumerate(LEVELS):
            counts = np.bincount(own["severity"][own["level"] == level], minlength=len(Severity))
            by_level[c, k] = counts + SMOOTHING * pooled[c] / pooled[c].sum()
    by_level, pooled = by_level * weights, pooled * weights
    return (torch.from_numpy(by_level / by_level.sum(axis=2, keepdims=True)),
            torch.from_numpy(pooled / pooled.sum(axis=1, keepdims=True)))


def samples_of(rows: pd.DataFrame, *, balanced: bool = False, seed: int = 0) -> pd.DataFrame:
    """What an epoch shows of a store's rows: each once, or as many as balance the severities."""
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


def loader_of(data: CropDataset, settings: Settings, device: torch.device, *, seed: int, training: bool) -> DataLoader:
    """Whole batches from the dataset. On a CPU the network and the loader share the cores, so no workers there."""
    whole = _whole(settings) if training else settings.classifier.sequence_layers > 0
    batches = EpochBatches(
        data.condition, settings.training.batch_size if training else settings.compute.batch_size, seed=seed,
        apart=not settings.classifier.shared, whole=data.study if whole else None, shuffle=training,
    )
    workers = 0 if device.type == "cpu" else settings.compute.workers or cores() // settings.compute.devices or 1
    return DataLoader(data, sampler=batches, batch_size=None, num_workers=workers, pin_memory=device.type == "cuda",
                      persistent_workers=workers > 0)


def _whole(settings: Settings) -> bool:
    """Whether batches in training are of whole studies, and so of many sizes."""
    return settings.classifier.sequence_layers > 0 or settings.training.any_severe > 0


def _trainer(settings: Settings, device: torch.device, work: Path, *, tuning: bool, apart: bool) -> Trainer:
    callbacks: list[Callback] = [History(work / "history.csv")]
    patience = settings.training.early_stop_patience if tuning else 0
    if patience and apart:
        callbacks.append(EachPatience(patience))
    elif patience:
        callbacks += [
            Patience("tuning_loss", patience=patience),
            # before the last one, which tells what was the best so far: killed in between, the epoch is done again
            ModelCheckpoint(work, filename="best", monitor="tuning_loss", enable_version_counter=False),
        ]
    # one file under one name, replaced whole: Lightning's own last.ckpt may stay behind as last-v1.ckpt
    callbacks.append(ModelCheckpoint(work, filename="last", enable_version_counter=False, save_on_train_epoch_end=True))
    if bar := sys.stderr.isatty():
        callbacks.append(TQDMProgressBar())
    devices, starter = _devices(settings.compute, device), started_by()
    if settings.compute.nodes > 1 and starter is None:
        raise DeviceError("training on several machines is started by torchrun or srun", got=settings.compute.nodes,
                          where="compute.nodes", remedy="start this command with one of them, or set it to 1")
    if starter and started() != (wanted := devices * settings.compute.nodes):
        raise DeviceError(f"{starter} started another number of processes than the classifier's training has",
                          wanted=f"{wanted}: compute.devices={devices} on each of {settings.compute.nodes} machines",
                          got=started(), where="compute.devices, compute.nodes",
                          remedy="start as many, or set these two to what was started")
    if devices > 1 and starter is None:
        check_loopback()
    return Trainer(
        accelerator="cpu" if device.type == "cpu" else "gpu", devices=devices,
        strategy=_strategy(devices, starter), num_nodes=settings.compute.nodes, default_root_dir=work,
        precision=settings.compute.precision, max_epochs=settings.training.epochs,
        gradient_clip_val=settings.training.gradient_clip or None,
        accumulate_grad_batches=settings.training.accumulate, callbacks=callbacks, enable_progress_bar=bar,
        logger=TensorBoardLogger(work, name="tensorboard", version=""), log_every_n_steps=10,
        plugins=WrittenAside(), enable_model_summary=False, use_distributed_sampler=False, num_sanity_val_steps=0,
        benchmark=device.type == "cuda" and not _whole(settings),  # it tries all algorithms for every size of a batch
    )


def _strategy(devices: int, starter: str | None) -> Strategy | str:
    if starter:
        return DDPStrategy(find_unused_parameters=True)
    return Spawned() if devices > 1 else "auto"


def _devices(compute: ComputeSettings, device: torch.device) -> int:
    if device.type == "cpu":
        if compute.accelerator == "cpu" or compute.devices == 1:
            return compute.devices
        log.warning("the classifier trains in one process: compute.devices=%d counts GPUs, and none is used",
                    compute.devices)
        return 1
    if compute.devices > (found := torch.cuda.device_count()):
        raise DeviceError("fewer GPUs than asked for", wanted=compute.devices, got=found, where="compute.devices",
                          remedy=f"use --set compute.devices={found}")
    return compute.devices
