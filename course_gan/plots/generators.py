"""Figures of chapter 1: a density pushed through a map, the same while the map is learned, and who went where."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.special import ndtri

from course_gan.gaussians import gaussian_density
from course_gan.inputs import require_tensor
from course_gan.plots.description import counted, describe, number, span
from course_gan.plots.images import image_grid
from course_gan.plots.inputs import drawable
from course_gan.plots.style import BLUE, GRAY, M_LINE, P_LINE, Q_LINE, SKY, VERMILLION, panels

MARKS = torch.tensor([-1.6, -0.8, 0.0, 0.8, 1.6], dtype=torch.float64)
SLICES = 10
SIDES = (("left", BLUE, ""), ("right", SKY, "//"), ("ghost", VERMILLION, "xx"), ("neither", GRAY, ".."))


def futures_grid(rows: Sequence[Sequence[Tensor]], labels: Sequence[str], axes: Axes | None = None) -> Figure:
    """Frames (1, h, w) in [-1, 1] in rows of equal length, with the label of its column under each.

    Give the book's cell the tag `picture`.
    """
    if not rows or any(len(row) != len(labels) for row in rows):
        raise ValueError(
            f"the rows have {[len(row) for row in rows]} frames, and there are {len(labels)} labels; wanted as many "
            "frames in each row as there are labels."
        )
    frames = torch.stack([drawable("frame", frame) for row in rows for frame in row])
    return image_grid(frames, columns=len(labels), labels=list(labels) * len(rows), name="frame", axes=axes)


def push_forward(z: Tensor, x: Tensor, density: Tensor, axes: Sequence[Axes] | None = None) -> Figure:
    """A map x = G(z) on the line, the density of z below it, and that of x beside it, in ten slices of equal mass.

    `z` increases, `x` are its images and `density` is that of the images at x, all (n,).  Four axes: the density of x,
    the map, an empty corner, the density of z.
    """
    z, x, density = (drawable(n, v).double() for n, v in (("z", z), ("x", x), ("density", density)))
    if not z.shape == x.shape == density.shape or z.ndim != 1 or not (z.diff() > 0).all():
        raise ValueError(
            f"z, x and density have shapes {tuple(z.shape)}, {tuple(x.shape)} and {tuple(density.shape)}; "
            "wanted three tensors (n,), with z increasing."
        )
    first, last, lowest, highest = (float(end) for end in (z[0], z[-1], x[0], x[-1]))
    ratios = {"width_ratios": [1, 2.2], "height_ratios": [2.2, 1]}
    figure, (beside, middle, corner, below) = panels(2, 2, 4.8, axes, gridspec_kw=ratios)
    middle.plot(z, x, **M_LINE)
    beside.plot(density, x, **P_LINE)
    normal = gaussian_density(z, 0.0, 1.0)
    below.plot(z, normal, color="black")
    edges = ndtri(torch.arange(1, SLICES, dtype=torch.float64) / SLICES)
    slice_of = torch.bucketize(z, edges)
    for k in range(0, SLICES, 2):
        inside = (slice_of == k).numpy()
        below.fill_between(z, normal, where=inside, color=GRAY, alpha=0.4, linewidth=0)
        beside.fill_betweenx(x, density, where=inside, color=GRAY, alpha=0.4, linewidth=0)
    for mark in MARKS:
        at = int((z - mark).abs().argmin())
        middle.plot(
            [float(z[at]), float(z[at]), first], [lowest, float(x[at]), float(x[at])], ":", color="black", linewidth=1
        )
        middle.plot(float(z[at]), float(x[at]), "o", color="black", markersize=5)
        below.plot(float(z[at]), 0, "o", color="black", markersize=5, clip_on=False)
        beside.plot(0, float(x[at]), "o", color="black", markersize=5, clip_on=False)
    middle.set(xlim=(first, last), ylim=(lowest, highest), title="$x = G(z)$", xticklabels=[], yticklabels=[])
    beside.set(ylim=(lowest, highest), ylabel="$x$", xlabel="density of $x$", xlim=(1.1 * float(density.max()), 0))
    below.set(xlim=(first, last), ylim=(0, None), xlabel="$z$", ylabel="density of $z$")
    corner.set_axis_off()
    steepest = int((x.diff() / z.diff()).argmax())
    return describe(
        figure,
        f"An increasing curve takes z {span(z)} to x {span(x)}, steepest near z = {number(float(z[steepest]))}. "
        f"Below it lies the bell of z, beside it the density of x, each in {SLICES} slices of equal area; five marked "
        "points go up to the curve and across.",
    )


def push_forward_frames(
    z: Tensor,
    frames: Mapping[str, Tensor],
    exact: Tensor,
    x: Tensor,
    density: Tensor,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """A generator on the line as it learns: a row a frame, its map on the left, the density of its samples beside it.

    `frames` maps a name to the images (n,) of the points `z` (n,), which increase and are equally likely; `exact` are
    the images that they should have, and `density` (m,) at `x` (m,) is the density that these have.
    """
    if not frames:
        raise ValueError("frames is empty; wanted at least one name with the images of z.")
    z, exact, x, density = (drawable(n, v) for n, v in (("z", z), ("exact", exact), ("x", x), ("density", density)))
    figure, grid = panels(len(frames), 2, 0.5 + 1.45 * len(frames), axes, sharex="col", sharey="col")
    edges = torch.linspace(float(x[0]), float(x[-1]), 49)
    marked = [int((z - mark).abs().argmin()) for mark in MARKS]
    for k, (name, made) in enumerate(frames.items()):
        left, right = grid[2 * k], grid[2 * k + 1]
        made = drawable(name, made)
        if made.shape != z.shape:
            raise ValueError(f"frame {name!r} has shape {tuple(made.shape)}; wanted that of z, {tuple(z.shape)}.")
        left.plot(z, exact, label="exact", **P_LINE)
        left.plot(z, made, label="learned", **Q_LINE)
        left.plot(z[marked], made[marked], "o", color="black", markersize=4)
        left.set_title(name, loc="left")
        right.plot(x, density, **P_LINE)
        right.hist(
            made.numpy(), bins=edges.tolist(), density=True, facecolor="none", edgecolor=VERMILLION, hatch="////",
            linewidth=0.8, histtype="stepfilled",
        )  # fmt: skip
        right.plot(made[marked], torch.zeros(len(marked)), "o", color="black", markersize=4, clip_on=False)
    grid[0].set(xlim=(-3, 3), ylim=(float(x[0]), float(x[-1])))
    grid[1].set(xlim=(float(x[0]), float(x[-1])), ylim=(0, 1.6 * float(density.max())))
    grid[0].legend(loc="lower right", handlelength=1.8, borderaxespad=0.1)
    grid[-2].set_xlabel("$z$")
    grid[-1].set_xlabel("$x$")
    for ax in grid[::2]:
        ax.set_ylabel("$G(z)$")
    gaps = [number(float((drawable("", made) - exact).abs().mean())) for made in frames.values()]
    return describe(
        figure,
        f"{counted(len(frames), 'row')}, {', '.join(frames)}: on the left the learned map beside the exact one, on the "
        f"right its samples as a histogram beside the density wanted. The maps differ by {', '.join(gaps)} on average.",
    )


def futures_shares(runs: Mapping[str, Tensor], axes: Axes | None = None) -> Figure:
    """What predicted frames show, a bar a run: shares of left, right, ghosts and neither.

    `runs` maps a method to its runs (seeds, 4), in the order of `course_gan.data.VERDICTS`.
    """
    rows = {name: require_tensor(name, shares).detach().double().cpu() for name, shares in runs.items()}
    for name, shares in rows.items():
        if shares.ndim != 2 or shares.shape[1] != len(SIDES) or not (shares.sum(1) - 1).abs().lt(1e-3).all():
            raise ValueError(
                f"the runs of {name!r} have shape {tuple(shares.shape)}; wanted (seeds, {len(SIDES)}), shares that sum "
                "to one in each row."
            )
    bars = sum(len(shares) + 1 for shares in rows.values()) - 1
    figure, (ax,) = panels(1, 1, 1.1 + 0.24 * bars, axes)
    top, centers, sentences = 0, [], []
    for name, shares in rows.items():
        places = torch.arange(top, top + len(shares))
        start = torch.zeros(len(shares), dtype=torch.float64)
        for (label, color, hatch), column in zip(SIDES, shares.unbind(1), strict=True):
            ax.barh(
                places.numpy(), column.numpy(), left=start.numpy(), height=0.8, color=color, alpha=0.75, hatch=hatch,
                edgecolor="white", linewidth=0.5, label=label if top == 0 else None,
            )  # fmt: skip
            start = start + column
        centers.append(float(places.double().mean()))
        means = ", ".join(f"{label} {float(m):.0%}" for (label, *_), m in zip(SIDES, shares.mean(0), strict=True))
        sentences.append(f"{name}, {counted(len(shares), 'run')}: {means} on average")
        top += len(shares) + 1
    ax.set(xlim=(0, 1), ylim=(top - 1.4, -0.6), xlabel="share of predicted frames")
    ax.set_yticks(centers, list(rows))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, columnspacing=1.2, handlelength=1.4)
    return describe(figure, f"Bars of shares. {'. '.join(sentences)}.")
