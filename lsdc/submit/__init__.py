"""One study folder to 25 rows, fallbacks, and the checked writer. Imports none of the training libraries."""

from importlib import import_module

_HOMES = {"FoldModel": "models", "Recipe": "recipe", "Terms": "pipeline", "make_blended_submission": "blended",
          "make_submission": "make", "open_blend": "blended", "predict_test_part": "pipeline",
          "write_submission": "writer"}

__all__ = ["FoldModel", "Recipe", "Terms", "make_blended_submission", "make_submission", "open_blend",
           "predict_test_part", "write_submission"]


def __getattr__(name: str):
    """Public names on first use: the process that deals the studies out needs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
