"""Early stopping that stays stopped."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping


class Patience(EarlyStopping):
    """Stops after `patience` epochs without a better loss, and at once where a training goes on that had stopped.

    Lightning's own does not look before the end of an epoch, and so trains one more.
    """

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience
