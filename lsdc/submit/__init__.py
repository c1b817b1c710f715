"""One study folder to 25 rows, fallbacks, and the checked writer. Imports none of the training libraries."""

from lsdc.submit.blended import make_blended_submission, open_blend
from lsdc.submit.make import make_submission
from lsdc.submit.pipeline import FoldModel, predict_test_part
from lsdc.submit.writer import write_submission

__all__ = ["FoldModel", "make_blended_submission", "make_submission", "open_blend", "predict_test_part",
           "write_submission"]
