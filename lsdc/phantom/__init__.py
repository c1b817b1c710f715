"""Synthetic lumbar studies with a known truth, written as a competition folder (see `generate`)."""

from lsdc.phantom.folder import generate
from lsdc.phantom.latents import StudyLabels, draw_labels, severity_probabilities
from lsdc.phantom.study import plan_study, study_number

__all__ = ["StudyLabels", "draw_labels", "generate", "plan_study", "severity_probabilities", "study_number"]
