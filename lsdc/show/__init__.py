"""Studies as a picture: the three planes as radiologists show them, with points, boxes, levels and grades; and the
worst locations of a run."""

from lsdc.show.picture import draw_studies
from lsdc.show.worst import draw_worst, worst_cases

__all__ = ["draw_studies", "draw_worst", "worst_cases"]
