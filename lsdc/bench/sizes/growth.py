"""How cost follows size: the exponent of time, the memory of a study more, and what is too much of either."""

from collections.abc import Sequence
from math import log

TOO_STEEP = 1.2  # exponent of time above which something is done for every study with every other one
TOO_SHORT_S = 0.01  # processor seconds of the smaller size that say nothing of a slope
FLAT_KB = 2.0  # for each study that a stream has gone through, beyond its tables


def exponent(rows: Sequence[dict]) -> float | None:
    """Slope of log processor seconds against log studies between the two largest sizes; None where it says nothing.

    >>> exponent([{"studies": 10, "processor_seconds": 1.0}, {"studies": 100, "processor_seconds": 100.0}])
    2.0
    """
    if len(rows) < 2 or rows[-2]["processor_seconds"] < TOO_SHORT_S:
        return None
    before, last = rows[-2:]
    return log(last["processor_seconds"] / before["processor_seconds"]) / log(last["studies"] / before["studies"])


def kilobytes_a_study(rows: Sequence[dict]) -> float | None:
    """What the peak grows by for each study more, between the two largest sizes; None of one size.

    >>> kilobytes_a_study([{"studies": 10, "peak_mb": 100.0}, {"studies": 110, "peak_mb": 101.0}])
    10.0
    """
    if len(rows) < 2:
        return None
    before, last = rows[-2:]
    return 1000 * (last["peak_mb"] - before["peak_mb"]) / (last["studies"] - before["studies"])


def time_in_words(rows: Sequence[dict]) -> str:
    """Whether time is linear.

    >>> time_in_words([{"studies": 10, "processor_seconds": 1.0}, {"studies": 100, "processor_seconds": 100.0}])
    'worse than linear'
    >>> time_in_words([{"studies": 10, "processor_seconds": 1.0}, {"studies": 100, "processor_seconds": 10.0}])
    'linear'
    >>> time_in_words([{"studies": 10, "processor_seconds": 0.0}, {"studies": 100, "processor_seconds": 10.0}])
    'too short to tell'
    """
    slope = exponent(rows)
    if slope is None:
        return "too short to tell" if len(rows) > 1 else "one size"
    return "worse than linear" if slope > TOO_STEEP else "linear" if slope > 0.8 else "less than linear"


def memory_in_words(rows: Sequence[dict], tables: Sequence[dict] | None) -> str:
    """Whether a stream's memory is flat beside its tables; what holds tables itself (None) grows with them.

    >>> small, large = [{"studies": n, "peak_mb": 100 + n / 100} for n in (100, 1100)], [
    ...     {"studies": n, "peak_mb": 100 + n / 50} for n in (100, 1100)]
    >>> memory_in_words(small, small), memory_in_words(large, small), memory_in_words(large, None)
    ('flat beside its tables', 'grows beside its tables', 'with its tables')
    """
    if len(rows) < 2:
        return "one size"
    if tables is None:
        return "with its tables"
    more = kilobytes_a_study(rows) - kilobytes_a_study(tables)
    return f"{'grows' if more > FLAT_KB else 'flat'} beside its tables"
