"""The story of one fold, and where a run writes."""

from lsdc.train.fold import train_fold
from lsdc.train.run import open_run

__all__ = ["open_run", "train_fold"]
