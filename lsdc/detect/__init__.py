"""YOLOv8 on slices, and the step that makes it work on spines: candidates to one location per target in the patient."""

from importlib import import_module

_HOMES = {"Detector": "detector", "locate": "locations", "locate_from_candidates": "locations",
          "match_boxes": "box_matches", "measure_errors": "locations", "train_detector": "train"}

__all__ = ["Detector", "locate", "locate_from_candidates", "match_boxes", "measure_errors", "train_detector"]


def __getattr__(name: str):
    """Public names on first use: the processes that only read studies start without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
