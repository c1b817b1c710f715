"""The metric, out-of-fold assembly, intervals, agreement, landmark errors, and the phantom's floor."""

from lsdc.evaluate.bootstrap import compare
from lsdc.evaluate.figures import figures_of
from lsdc.evaluate.floor import read_floor
from lsdc.evaluate.landmark_summary import landmark_summary
from lsdc.evaluate.landmarks import location_errors
from lsdc.evaluate.location_run import LocationEvaluation, evaluate_locations
from lsdc.evaluate.metric import Score, score
from lsdc.evaluate.out_of_fold import assemble
from lsdc.evaluate.run import Evaluation, evaluate_run
from lsdc.evaluate.table import text_of

__all__ = [
    "Evaluation", "LocationEvaluation", "Score", "assemble", "compare", "evaluate_locations", "evaluate_run",
    "figures_of", "landmark_summary", "location_errors", "read_floor", "score", "text_of",
]
