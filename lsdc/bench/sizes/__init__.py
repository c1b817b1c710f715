"""What the kit's stages cost at a hundred, a thousand and ten thousand studies, each in a process of its own."""

from lsdc.bench.sizes.story import bench_sizes, sizes_settings, sizes_to

__all__ = ["bench_sizes", "sizes_settings", "sizes_to"]
