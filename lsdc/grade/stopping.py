"""Early stopping that stays stopped: of one network, or of one for each condition, each by itself."""

import math

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from lsdc.grade.model import CONDITIONS


class Patience(EarlyStopping):
    """Stops after `patience` epochs without a better loss, and at once where a training goes on that had stopped.

    Lightning's own does not look before the end of an epoch, and so trains one more.
    """

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class EachPatience(Callback):
    """For networks that share nothing: each condition's is kept as it was at its own best tuning loss.

    A network has stopped after `patience` epochs without a better loss of its own, as if it trained alone; what it does
    while the others go on does not count. The training ends when all have stopped. best: the least loss; kept: the
    network then, as `GradingModel.of_condition` has it; both by condition, and both travel in the checkpoint. A
    condition without tuning samples has neither, and waits for nobody.
    """

    def __init__(self, patience: int):
        self.patience = patience
        self.best: dict[str, float] = {}
        self.kept: dict[str, dict[str, torch.Tensor]] = {}
        self.waited: dict[str, int] = {}

    def state_dict(self) -> dict:
        return {"best": self.best, "kept": self.kept, "waited": self.waited}

    def load_state_dict(self, state: dict) -> None:
        self.best, self.kept, self.waited = (dict(state[name]) for name in ("best", "kept", "waited"))

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        for index, condition in enumerate(map(str, CONDITIONS)):
            loss = float(trainer.callback_metrics.get(f"{condition}_tuning_loss", math.nan))
            if math.isnan(loss) or self.waited.get(condition, 0) >= self.patience:
                continue
            if loss < self.best.get(condition, math.inf):
                self.best[condition], self.kept[condition] = loss, module.final.of_condition(index)
                self.waited[condition] = 0
            else:
                self.waited[condition] += 1
        self._stop(trainer)

    def _stop(self, trainer: Trainer) -> None:
        if self.waited and min(self.waited.values()) >= self.patience:
            trainer.should_stop = True
