"""The losses of every epoch as a csv file that survives a stop: its rows travel in the checkpoint."""

import logging
import time
from pathlib import Path

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer

from lsdc.tables import write_csv

log = logging.getLogger(__name__)


class History(Callback):
    """Writes epoch, learning_rate (of its first step), train_loss, tuning_loss and seconds; a line in the log for each.

    Lightning's own csv logger deletes the old rows when a training goes on.
    """

    def __init__(self, path: Path):
        self.path, self.rows, self.started, self.rate = Path(path), [], time.perf_counter(), 0.0

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict) -> None:
        self.rows = list(state["rows"])

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.rate = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        losses = {name: float(value) for name, value in trainer.callback_metrics.items() if name.endswith("_loss")}
        row = {"epoch": trainer.current_epoch + 1, "learning_rate": self.rate,
               "seconds": round(time.perf_counter() - self.started, 2), **losses}
        self.started = time.perf_counter()
        self.rows.append(row)
        if not trainer.is_global_zero:
            return
        write_csv(pd.DataFrame(self.rows), self.path)
        log.info("epoch %d of %d: %s, %.0f s", row["epoch"], trainer.max_epochs,
                 ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in losses.items()), row["seconds"])
