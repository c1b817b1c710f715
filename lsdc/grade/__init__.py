"""Grading: networks, their training, and a study's 25 rows. Importing it loads no training library."""

from lsdc.grade.predict import Grader, mean_predictions
from lsdc.grade.train import train_classifier

__all__ = ["Grader", "mean_predictions", "train_classifier"]
