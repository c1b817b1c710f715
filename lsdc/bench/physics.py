"""Rank correlations of what the phantom's images show with the latents that drive it."""

from scipy.stats import spearmanr
from tabulate import tabulate

from lsdc.bench.saved import save_figures
from lsdc.phantom.physics import measure_narrowing

SHOWN = {"canal": "fluid in the sac, mm2", "foraminal": "fat in the foramen, mm2", "subarticular": "depth, mm"}


def bench_physics(seed: int, *, targets: int) -> str:
    """Spearman correlation with z of the measurements on noisy slices, for each condition; saved as json."""
    table = measure_narrowing(seed, targets)
    rows = []
    for condition, group in table.groupby("condition", sort=False):
        by_z = group.sort_values("z")["measured"]
        rows.append({"condition": str(condition), "measured": SHOWN[condition], "targets": len(group),
                     "spearman": float(spearmanr(group["z"], group["measured"]).statistic),
                     "widest": float(by_z.iloc[:3].mean()), "narrowest": float(by_z.iloc[-3:].mean())})
    said = save_figures("physics", {"seed": seed, "rows": rows})
    text = tabulate([list(row.values()) for row in rows], floatfmt=("", "", "", ".3f", ".1f", ".1f"),
                    headers=("", "measured", "targets", "rank correlation with z", "three widest", "three narrowest"))
    return f"{text}\n\nnoisy slices of targets spread evenly over z, seed {seed}; {said}"
