"""The competition folder: grades, points, series list, priors, and a study read from it."""

from lsdc.competition.folder import CompetitionFolder, Part, open_folder
from lsdc.competition.study import Study, StudySeries, read_study

__all__ = ["CompetitionFolder", "Part", "Study", "StudySeries", "open_folder", "read_study"]
