"""A bundle for an offline notebook: packed from trained runs, unfolded where it arrives, verified before."""

from lsdc.kernel.bundle import Order, make_bundle
from lsdc.kernel.submission import check_submission
from lsdc.kernel.unfold import unfold

__all__ = ["Order", "check_submission", "make_bundle", "unfold"]
