"""How fast the package is, as ratios against what one would write or use otherwise: `python -m benchmarks`."""
