"""Studies as a picture: the three planes as radiologists show them, with points, boxes, levels and grades."""

from lsdc.show.picture import draw_studies

__all__ = ["draw_studies"]
