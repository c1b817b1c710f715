"""How many cores this process may use, and how torch's CPU threads wait for each other."""

import os

# Turns that an idle OpenMP thread spins before it sleeps. By default it spins long, and a step takes ten times longer
# when anything else needs a core; with none (OMP_WAIT_POLICY=PASSIVE) a second thread gains nothing on small images.
SPIN = {"GOMP_SPINCOUNT": "5000"}


def spin_briefly() -> None:
    """Set it for this process and its children; to be called before torch is imported. A user's own setting stands."""
    for name, value in SPIN.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """Cores that this process may use: on a cluster those that it was granted, not all that the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
