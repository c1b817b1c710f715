"""Every stage of the kit beside what a user would otherwise do, in one table."""

from lsdc.bench.stages.story import STAGES, bench_stages, stages_settings

__all__ = ["STAGES", "bench_stages", "stages_settings"]
