"""The Lightning module: losses put together, optimiser, schedule, moving average of the weights."""

import math
import pickle
from functools import partial

import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from lsdc.config.sections import Settings
from lsdc.errors import DataError
from lsdc.grade.dataset import Batch, in_unit
from lsdc.grade.losses import (
    UNWEIGHTED,
    Weighed,
    any_severe_loss,
    cross_entropy_of_each,
    focal_loss,
    focal_loss_of_each,
    mean_over_conditions,
    slice_loss,
    sums_by_condition,
    weighted_cross_entropy,
)
from lsdc.grade.mixing import mixed
from lsdc.grade.model import CONDITIONS, Answers, GradingModel
from lsdc.grade.replicas import gathered, made_equal, place, summed
from lsdc.seeding import generator, seed_for
from lsdc.taxonomy import SEVERITY_WEIGHTS

LEVEL_RATE = 10.0  # times the learning rate: thresholds travel several units, weights a fraction of one


class GradingModule(LightningModule):
    """Trains a GradingModel. class_weights: (conditions, 3) of the focal loss, None for the cross-entropy.

    steps: of the optimiser in an epoch.

    In several processes that share every batch, gradients and logged losses are those of the whole batch. What differs
    from one process: BatchNorm takes its statistics over each process's own part, and keeps the first process's
    running ones; dropout and mixup are drawn in each process by itself.
    """

    def __init__(
        self, model: GradingModel, settings: Settings, *, steps: int, seed: int,
        class_weights: torch.Tensor | None = None,
    ):
        super().__init__()
        training = settings.training
        self.model, self.settings, self.steps, self.seed, self.averaged_step = model, settings, steps, seed, 0
        self.register_buffer("class_weights", class_weights)
        self.average = AveragedModel(
            model, multi_avg_fn=partial(_average, decay=training.ema_decay), use_buffers=True,
        ).requires_grad_(False) if training.ema_decay else None

    def setup(self, stage: str) -> None:
        """In each process that trains: what is compiled does not travel to another."""
        if self.settings.compute.compile:
            for encoder in self.model.encoders:  # the rest is small, and what it does depends on what is in a batch
                encoder.trunk.compile(dynamic=True)

    @property
    def apart(self) -> bool:
        """Whether each condition has a network of its own, which shares nothing with the others'."""
        return not self.settings.classifier.shared and self.model.sequence is None

    @property
    def final(self) -> GradingModel:
        """The network to predict with: the moving average of the weights where there is one."""
        return self.average.module if self.average is not None else self.model

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        torch.manual_seed(seed_for(self.seed, "dropout", self.current_epoch, index, self.global_rank))
        batch = mixed(in_unit(batch), self.settings.augment,
                      generator(self.seed, "mix", self.current_epoch, index, self.global_rank),
                      whole=self.model.sequence is not None)
        loss = self.loss(self.model, batch)
        self._log_whole(loss, batch, "train_loss")
        return loss

    def on_train_epoch_start(self) -> None:
        self.averaged_step = self.global_step  # a training that goes on begins here

    def on_train_batch_end(self, *_) -> None:
        if self.average is not None and self.global_step != self.averaged_step:  # else gradients still add up
            self.average.update_parameters(self.model)
            self.averaged_step = self.global_step

    def on_validation_start(self) -> None:
        for buffer in self.buffers():  # running statistics since the last step
            made_equal(buffer)

    def on_validation_epoch_start(self) -> None:
        self.tuning = torch.zeros(2, len(CONDITIONS), dtype=torch.float64, device="cpu")

    def validation_step(self, batch: Batch, index: int) -> None:
        sums = sums_by_condition(self._grade_of_each(self.final(in_unit(batch)).logits, batch), batch["condition"])
        whole = torch.stack([summed(sums.loss), sums.weight])
        self._check_finite(whole.sum(), batch, "tuning loss")
        self.tuning += whole.double().cpu()

    def on_validation_epoch_end(self) -> None:
        """The mean over all samples, however they were put into batches; in every process the same."""
        sums = Weighed(*self.tuning)
        self.log("tuning_loss", (mean_over_conditions(sums) / place()[1]).float())
        for condition, loss, weight in zip(CONDITIONS, *sums, strict=True):
            if self.apart and weight > 0:
                self.log(f"{condition}_tuning_loss", (loss / weight).float())

    def on_train_epoch_end(self) -> None:
        for name, value in self.final.state_dict().items():  # before they are kept
            if not torch.isfinite(value).all():
                raise self._not_finite("a weight of the network", name)

    def _log_whole(self, loss: torch.Tensor, batch: Batch, name: str) -> None:
        """Log under this name the loss of the whole batch, of which this process may hold a part; DataError when it
        is no number."""
        total, samples = summed(torch.stack([loss.detach(), batch["known"].sum().to(loss)]))
        whole = total / place()[1]
        self._check_finite(whole, batch, name.replace("_", " "))
        self.log(name, whole, on_step=False, on_epoch=True, batch_size=int(samples), sync_dist=True)

    def _check_finite(self, whole: torch.Tensor, batch: Batch, what: str) -> None:
        if not torch.isfinite(whole):
            studies = sorted({study for part in gathered(batch["study"].tolist()) for study in part})
            raise self._not_finite(f"the {what}", float(whole), f", studies {studies}")

    def _not_finite(self, what: str, got: object, more: str = "") -> DataError:
        return DataError(f"{what} is not a finite number", got=got, where=f"epoch {self.current_epoch + 1}{more}",
                         remedy="lower training.learning_rate, or use compute.precision=32-true")

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """The loss that the settings ask for; its any-severe and slice terms only where no labels are blended."""
        answers: Answers = model(batch)
        settings, grades = self.settings.training, self._grades(answers.logits, batch)
        if "share" in batch:
            return grades
        known = batch["known"]
        if settings.any_severe:
            grades = grades + settings.any_severe * any_severe_loss(
                self._weighted(answers.logits), batch["severity"] * known, known, batch["condition"], batch["study"])
        if settings.slice_loss:
            grades = grades + settings.slice_loss * slice_loss(answers.scores, batch["slice"], known)
        return grades

    def _grades(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        labels, share = (batch["severity"], batch["known"], batch["condition"]), 1.0
        if "share" in batch:
            logits = torch.cat([logits, logits])
            labels = (torch.cat([batch["severity"], batch["other_severity"]]), *(torch.cat([one, one])
                                                                                 for one in labels[1:]))
            share = torch.cat([batch["share"], 1 - batch["share"]])
        settings = self.settings.training
        if settings.loss == "focal":
            return focal_loss(logits, *labels, share=share, **self._focal)
        return weighted_cross_entropy(logits, *labels, share=share, weights=self._label_weights,
                                      label_smoothing=settings.label_smoothing)

    def _grade_of_each(self, logits: torch.Tensor, batch: Batch) -> Weighed:
        """What the tuning loss is the mean of."""
        labels = batch["severity"], batch["known"]
        if self.settings.training.loss == "focal":
            return focal_loss_of_each(logits, *labels, batch["condition"], **self._focal)
        return cross_entropy_of_each(logits, *labels, weights=self._label_weights)

    @property
    def _focal(self) -> dict:
        return {"gamma": self.settings.training.focal_gamma, "class_weights": self.class_weights}

    @property
    def _label_weights(self) -> tuple[int, ...]:
        return SEVERITY_WEIGHTS if self._in_loss else UNWEIGHTED

    @property
    def _in_loss(self) -> bool:
        return self.settings.classifier.metric_weights == "in_loss"

    def _weighted(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits whose softmax carries the metric's weights."""
        return logits if self._in_loss else logits + logits.new_tensor(SEVERITY_WEIGHTS).log()

    def configure_optimizers(self) -> dict:
        """Weight decay spares biases, norms and the levels' own, which learn faster; the schedule moves every step."""
        settings = self.settings.training
        named = list(self.model.named_parameters())
        levels = [parameter for name, parameter in named if ".level_" in name]
        spared = [parameter for name, parameter in named if ".level_" not in name and parameter.ndim <= 1]
        decayed = [parameter for name, parameter in named if ".level_" not in name and parameter.ndim > 1]
        groups = [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": spared, "weight_decay": 0.0},
            {"params": levels, "weight_decay": 0.0, "lr": LEVEL_RATE * settings.learning_rate},
        ]
        groups = [group for group in groups if group["params"]]
        if settings.optimizer == "AdamW":
            optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
        else:
            optimizer = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def __getstate__(self) -> dict:
        """To another process the tensors go as bytes: through shared memory each would hold a file open."""
        return {"pickled": pickle.dumps(super().__getstate__())}

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(pickle.loads(state["pickled"]))  # noqa: S301 # nosec B301 (from the process that started us)

    def rate(self, step: int) -> float:
        """Factor on the learning rate: linear warm-up, then a cosine down to zero, or constant."""
        total = self.steps * self.settings.training.epochs
        warmup = self.steps * self.settings.training.warmup_epochs
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if self.settings.training.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1.0, total - warmup))))


def _average(averaged: list[torch.Tensor], current: list[torch.Tensor], count: torch.Tensor, *, decay: float) -> None:
    """torch's own is a function within a function, which cannot go to another process, and it rounds whole numbers."""
    if averaged[0].is_floating_point():
        get_ema_multi_avg_fn(decay)(averaged, current, count)
    else:
        torch._foreach_copy_(averaged, current)
