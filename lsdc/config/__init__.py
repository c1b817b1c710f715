"""Frozen, typed settings; yaml in, all faults at once; where data, runs and caches are."""

from lsdc.config.load import differences, dump_settings, load_settings, overridden, parsed_yaml
from lsdc.config.paths import HOME, cache_root, runs_root
from lsdc.config.sections import (
    AugmentSettings,
    ClassifierSettings,
    ComputeSettings,
    CropSettings,
    DetectorSettings,
    EvaluationSettings,
    FoldSettings,
    PerCondition,
    PhantomSettings,
    Settings,
    TrainingSettings,
)
from lsdc.config.variants import Variant, load_variants

__all__ = [
    "AugmentSettings", "ClassifierSettings", "ComputeSettings", "CropSettings", "DetectorSettings",
    "EvaluationSettings", "FoldSettings", "PerCondition", "PhantomSettings", "Settings", "TrainingSettings", "Variant",
    "HOME", "cache_root", "differences", "dump_settings", "load_settings", "load_variants", "overridden", "parsed_yaml",
    "runs_root",
]
