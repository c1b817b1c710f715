"""One study folder to 25 rows, fallbacks, and the checked writer. Imports none of the training libraries."""

from lsdc.submit.make import make_submission
from lsdc.submit.pipeline import FoldModel, predict_test_part
from lsdc.submit.writer import write_submission

__all__ = ["FoldModel", "make_submission", "predict_test_part", "write_submission"]
