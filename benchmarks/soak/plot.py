"""Draws samples.csv of soak.py: memory, open files and latency over time."""

import csv
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt


def main() -> None:
    table, picture = Path(sys.argv[1]), Path(sys.argv[2])
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    minutes = [float(row["seconds"]) / 60 for row in rows]
    figure, axes = plt.subplots(3, 1, figsize=(9, 8), sharex=True)
    for axis, columns, unit in (
        (axes[0], ["rss_mb"], "resident memory, MB"),
        (axes[1], ["open_files"], "open files"),
        (axes[2], ["p50_ms", "p99_ms"], "durable post, ms"),
    ):
        for column in columns:
            axis.plot(minutes, [float(row[column]) for row in rows], label=column, linewidth=1)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[2].legend()
    axes[2].set_yscale("symlog")
    axes[2].set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    main()
