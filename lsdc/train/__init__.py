"""The story of one fold, and where a run writes."""

from lsdc.train.fold import train_fold
from lsdc.train.run import check_models, open_run

__all__ = ["check_models", "open_run", "train_fold"]
