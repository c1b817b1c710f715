"""Figures that others published, as context for the agreement tables. Other patients, other grades, other readers:
nothing here can be compared with a figure of ours as if it were a ranking.
"""

from typing import NamedTuple

NOTE = "Published on other data (other patients, grades and readers): for context, not for comparison"


class Published(NamedTuple):
    """system, condition and what was measured; the figures as the source gives them; the source."""

    system: str
    condition: str
    measure: str
    figure: str
    source: str


_DEEPSPINE = "Lu et al. 2018, DeepSPINE, arXiv:1807.10215"
_SPINENET = "Ishimoto et al. 2020, BMC Musculoskelet Disord 21:158, doi:10.1186/s12891-020-3164-1"
_HALLINAN = "Hallinan et al. 2021, Radiology 300:130-138"
_BHARADWAJ = "Bharadwaj et al. 2023, Eur Radiol 33:3435-3443, doi:10.1007/s00330-023-09483-6"
_PAPER_MEASURE = "accuracy; always normal; linear kappa (folds split by row, so optimistic)"
_PAPER = "the YOLOv8 and DeepScoreNet paper, on this competition's own training data"

PUBLISHED = (
    Published("DeepSpine", "canal", "mean class accuracy, four grades", "70.6 %", _DEEPSPINE),
    Published("DeepSpine", "foraminal", "mean class accuracy, four grades", "67.1 %", _DEEPSPINE),
    Published("SpineNet", "canal", "agreement on four grades", "65.7 %", _SPINENET),
    Published("SpineNet", "canal", "severe against the rest: agreement; kappa", "94 %; .75", _SPINENET),
    Published("SpineAI, readers", "canal", "kappa, moderate or worse", ".96 to .98", _HALLINAN),
    Published("SpineAI, readers", "subarticular", "kappa, moderate or worse (lateral recess)", ".92 to .95", _HALLINAN),
    Published("SpineAI, readers", "foraminal", "kappa, moderate or worse (the model: .89)", ".89 to .95", _HALLINAN),
    Published("decision tree on measurements", "canal", "linear kappa", ".80", _BHARADWAJ),
    Published("CNN", "canal", "linear kappa", ".54", _BHARADWAJ),
    Published("pairs of readers", "canal", "linear kappa", ".74 to .86", _BHARADWAJ),
    Published("CNN", "foraminal", "AUROC, two classes", ".92", _BHARADWAJ),
    Published("YOLOv8 and DeepScoreNet", "canal", _PAPER_MEASURE, ".877; .877; .619", _PAPER),
    Published("YOLOv8 and DeepScoreNet", "foraminal", _PAPER_MEASURE, ".795; .780; .546", _PAPER),
    Published("YOLOv8 and DeepScoreNet", "subarticular", _PAPER_MEASURE, ".754; .714; .605", _PAPER),
)


def published_rows() -> list[dict]:
    return [one._asdict() for one in PUBLISHED]
