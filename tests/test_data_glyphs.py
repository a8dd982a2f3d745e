"""Generated signs: each like its geometry, told apart by their labels, and the same for the same generator."""

import importlib
import inspect
import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch.testing import assert_close

from course_gan.data import GLYPHS, Batches, draw_strokes, glyphs
from course_gan.data.glyphs import STROKES


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def brute_force(strokes: np.ndarray, pen: float, size: int, fine: int = 16) -> np.ndarray:
    """Coverage by counting points: fine² in each pixel, each compared with every segment."""
    ticks = (np.arange(size * fine) + 0.5) * 2 / (size * fine) - 1
    x, y = np.meshgrid(ticks, ticks)
    inside = np.zeros_like(x, dtype=bool)
    for (x0, y0), (x1, y1) in strokes:
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        t = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max(length, 1e-12), 0, 1)
        inside |= np.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0)) <= pen
    return inside.reshape(size, fine, size, fine).mean((1, 3))


@pytest.mark.parametrize("size", [16, 28, 32])
@pytest.mark.parametrize("name", GLYPHS)
def test_a_drawing_covers_what_counting_points_covers(name, size):
    strokes = torch.tensor(STROKES[name], dtype=torch.float64).view(1, -1, 2, 2) * 0.6 + 0.05
    ours = (draw_strokes(strokes, torch.tensor([0.15], dtype=torch.float64), size)[0, 0] + 1) / 2
    exact = torch.from_numpy(brute_force(strokes[0].numpy(), 0.15, size))
    # Where two edges cross in one pixel, each covering half, the union covers up to 3/4 and the nearer one half;
    # slanted edges and the tips of thin strokes are off by less.
    assert (ours - exact).abs().max() < 0.3
    assert (ours - exact).abs().mean() < 0.01


def test_an_edge_along_the_rows_is_covered_exactly():
    for pen in (0.3, 0.31, 0.4):
        line = torch.tensor([[[[-3.0, 0.0], [3.0, 0.0]]]], dtype=torch.float64)
        column = draw_strokes(line, torch.tensor([pen], dtype=torch.float64), 10)[0, 0, :, 4]
        edges = (torch.arange(11, dtype=torch.float64) * 0.2 - 1).clamp(-pen, pen)
        assert_close((column + 1) / 2, edges.diff() / 0.2)


def test_a_segment_without_length_is_a_dot_and_has_a_finite_gradient():
    dot = torch.zeros(1, 1, 2, 2, requires_grad=True)
    image = draw_strokes(dot, torch.tensor([0.5]), 16)
    assert_close(image, image.transpose(-1, -2))
    assert_close(image, image.flip(-1))
    assert ((image.detach() + 1).sum() / 2).item() == pytest.approx(math.pi * 4**2, rel=0.02)
    image[..., 8:].sum().backward()
    assert dot.grad.isfinite().all()
    assert dot.grad[0, 0, :, 0].sum() > 0  # to the right, where it counts


def test_the_gradient_of_a_drawing_is_that_of_finite_differences():
    strokes, pen = 1.4 * torch.rand(2, 3, 2, 2, generator=seeded()).double() - 0.7, torch.full((2,), 0.2).double()
    strokes[1, 0] = torch.tensor([[-0.5, 0.0625], [0.5, 0.0625]])  # right through the centers of a row of pixels
    weight = torch.rand(2, 1, 16, 16, generator=seeded(1)).double()

    def value(strokes, pen):
        return (draw_strokes(strokes, pen, 16) * weight).sum()

    slopes = torch.autograd.grad(value(strokes.requires_grad_(), pen.requires_grad_()), (strokes, pen))
    ways = [torch.rand(slope.shape, generator=seeded(2)).double() * 1e-6 for slope in slopes]
    ahead, behind = (value(strokes + sign * ways[0], pen + sign * ways[1]) for sign in (1, -1))
    assert_close(sum((slope * way).sum() for slope, way in zip(slopes, ways)), (ahead - behind) / 2, rtol=1e-5, atol=0)


def test_the_order_of_the_points_and_of_the_segments_does_not_matter():
    strokes = torch.rand(5, 3, 2, 2, generator=seeded()) * 1.4 - 0.7
    pen = torch.full((5,), 0.15)
    image = draw_strokes(strokes, pen, 16)
    assert_close(draw_strokes(strokes.flip(1), pen, 16), image)
    assert_close(draw_strokes(strokes.flip(2), pen, 16), image, rtol=0, atol=1e-5)
    assert_close(draw_strokes(torch.cat([strokes, strokes[:, :1]], 1), pen, 16), image)


def test_x_is_along_the_columns_and_y_goes_down():
    image = draw_strokes(torch.tensor([[[[0.5, -0.5], [0.5, -0.5]]]]), torch.tensor([0.2]), 16)[0, 0]
    row, column = divmod(int(image.argmax()), 16)
    assert row < 8 < column


def test_images_in_many_chunks_are_those_drawn_one_by_one():
    n = 300
    images, labels = glyphs(n, seeded())
    strokes = torch.rand(n, 2, 2, 2, generator=seeded()) - 0.5
    pens = torch.rand(n, generator=seeded()) * 0.2 + 0.05
    together = draw_strokes(strokes, pens, 16)
    for k in (0, 127, 128, 299):
        assert_close(draw_strokes(strokes[k : k + 1], pens[k : k + 1], 16)[0], together[k])
    assert images.shape == (n, 1, 16, 16)
    assert images.isfinite().all()
    assert labels.dtype == torch.int64


@pytest.mark.parametrize("size", [16, 28, 32])
def test_the_signs_lie_inside_the_image_between_minus_one_and_one(size):
    images, _ = glyphs(2000, seeded(), size=size)
    assert images.min() == -1
    assert images.max() == 1
    border = torch.ones(size, size, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    touched = (images[:, 0, border] > 0).any(1).float().mean()
    assert touched < 0.1  # turned, slanted and shifted at once, a corner may touch the edge
    ink = ((images + 1) / 2).mean((1, 2, 3))
    assert ink.min() > 0.02
    assert ink.max() < 0.6


def test_every_sign_is_equally_likely_and_numbers_vary_over_all_their_range():
    labels = glyphs(10_000, seeded())[1]
    assert stats.chisquare(torch.bincount(labels, minlength=10).numpy()).pvalue > 1e-3


def test_labels_asked_for_are_drawn():
    labels = torch.arange(10).repeat(3)
    images, told = glyphs(30, seeded(), labels=labels)
    assert torch.equal(told, labels)
    prototypes = glyphs(10, labels=torch.arange(10), variation=0.0)[0]
    free, drawn = glyphs(500, seeded(1), variation=0.2)
    nearest = torch.cdist(free.flatten(1), prototypes.flatten(1)).argmin(1)
    assert (nearest == drawn).all()
    assert images.shape == (30, 1, 16, 16)


def test_without_variation_a_sign_is_always_the_same():
    images, labels = glyphs(40, seeded(), variation=0)
    for k in labels.unique():
        same = images[labels == k]
        assert_close(same, same[:1].expand_as(same), rtol=0, atol=0)
    varied, labels = glyphs(40, seeded())
    assert len(varied.flatten(1).unique(dim=0)) == 40


def test_all_that_varies_does_so_on_its_own():
    """Shift right and down, size, thickness: measured in the images of the bar."""
    images, _ = glyphs(3000, seeded(), labels=torch.zeros(3000, dtype=torch.int64), size=32)
    ink = (images[:, 0] + 1) / 2
    ticks = (torch.arange(32) + 0.5) / 16 - 1
    total = ink.sum((1, 2))
    x, y = (ink.sum(1) @ ticks) / total, (ink.sum(2) @ ticks) / total
    for place in (x, y):
        assert stats.kstest(place.numpy(), stats.uniform(-0.15, 0.3).cdf).pvalue > 1e-3
    assert abs(stats.pearsonr(x, y).statistic) < 4 / 3000**0.5
    lean = torch.stack([((ink * (ticks - x[:, None, None])).sum(2) * (ticks - y[:, None])).sum(1)]) / total
    assert abs(lean.mean()) < 4 * lean.std() / 3000**0.5
    assert lean.std() > 0.01


def test_every_number_of_a_sign_is_uniform_over_its_range_and_independent_of_the_others(monkeypatch):
    """Read off the strokes of the plus: a line across, whose length no slant changes, and a line down."""
    module, drawn = importlib.import_module("course_gan.data.glyphs"), []
    monkeypatch.setattr(module, "draw_strokes", lambda *what: drawn.append(what) or draw_strokes(*what))
    glyphs(3000, seeded(), labels=torch.full((3000,), GLYPHS.index("plus")), size=8)
    strokes, pen, _ = drawn[0]
    down, across = (strokes[:, k, 1] - strokes[:, k, 0] for k in (0, 1))
    upright = torch.stack([-across[:, 1], across[:, 0]], 1)
    x, y = strokes[:, 1].mean(1).unbind(1)
    ranges = {
        "slant": (-(down * across).sum(1) / (down * upright).sum(1), -0.25, 0.25),
        "angle": (torch.atan2(across[:, 1], across[:, 0]).rad2deg(), -12, 12),
        "size": (across.norm(dim=1) / 2, 0.47, 0.67),
        "right": (x, -0.15, 0.15),
        "down": (y, -0.15, 0.15),
        "pen": (pen, 0.11, 0.23),
    }
    for name, (value, low, high) in ranges.items():
        assert stats.kstest(value.numpy(), stats.uniform(low, high - low).cdf).pvalue > 1e-3, name
    for (name, one), (other_name, other) in itertools.combinations(ranges.items(), 2):
        assert abs(stats.pearsonr(one[0], other[0]).statistic) < 4 / 3000**0.5, (name, other_name)


def test_a_positive_slant_leans_to_the_right():
    from course_gan.data.glyphs import _place

    bar = torch.tensor(STROKES["bar"], dtype=torch.float32).view(1, 1, 2, 2)
    slanted = _place(bar, torch.tensor([[1.0, 0, 0, 0, 0, 0]]))[0, 0]
    top, bottom = slanted
    assert top[0] > bottom[0]
    turned = _place(bar, torch.tensor([[0, 1.0, 0, 0, 0, 0]]))[0, 0]
    assert_close((turned[1] - turned[0]).norm(), torch.tensor(2 * 0.57))  # turning keeps lengths
    assert_close(turned[0, 0] / -turned[0, 1], torch.tensor(math.tan(math.radians(12))))


def test_a_sign_is_slanted_first_and_turned_then():
    """Both at once: turning keeps the lengths of the slanted sign, and either keeps its area."""
    from course_gan.data.glyphs import _place

    axes = torch.tensor([[[0, 0, 1.0, 0], [0, 0, 0, 1.0]]]).view(1, 2, 2, 2).expand(2, 2, 2, 2)
    u = torch.tensor([[0.8, 0, 0, 0, 0, 0], [0.8, 0.9, 0, 0, 0, 0]])
    slanted, turned = (placed[:, 1] - placed[:, 0] for placed in _place(axes, u))
    angle = torch.tensor(math.radians(12) * 0.9)
    rotation = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()]).view(2, 2)
    assert_close(turned, slanted @ rotation)
    assert_close(turned.det(), torch.tensor(0.57**2))


@pytest.mark.parametrize("size", [16, 28])
def test_simple_classifiers_tell_the_signs_apart(size):
    images, labels = (part.numpy() for part in glyphs(6000, seeded(), size=size))
    x, x_test = images[:5000].reshape(5000, -1), images[5000:].reshape(1000, -1)
    assert KNeighborsClassifier(1).fit(x, labels[:5000]).score(x_test, labels[5000:]) >= 0.99
    if size == 16:
        linear = LogisticRegression(max_iter=60, tol=1e-2, C=0.1).fit(x, labels[:5000])
        assert linear.score(x_test, labels[5000:]) >= 0.97


def test_glyphs_are_seeded_by_their_generator_alone_and_the_same_in_every_size():
    before = torch.get_rng_state()
    images, labels = glyphs(20, seeded(), size=16)
    again, labels_again = glyphs(20, seeded(), size=16)
    large, labels_large = glyphs(20, seeded(), size=32)
    assert_close(torch.get_rng_state(), before)
    assert_close(images, again, rtol=0, atol=0)
    assert torch.equal(labels, labels_again)
    assert torch.equal(labels, labels_large)
    halved = torch.nn.functional.avg_pool2d(large, 2)
    assert (halved - images).abs().mean() < 0.02
    x, y = next(Batches(glyphs, 4))
    assert (x.shape, y.shape) == ((4, 1, 16, 16), (4,))
    assert glyphs(0)[0].shape == (0, 1, 16, 16)
    assert glyphs(2, seeded(), device="cpu")[0].device.type == "cpu"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: glyphs(-1), "n is -1"),
        (lambda: glyphs(1, size=4), "size is 4"),
        (lambda: glyphs(1, variation=1.5), "variation is 1.5"),
        (lambda: inspect.unwrap(glyphs)(2, labels=torch.zeros(3).long()), r"shape \(3,\).*wanted \(2,\)"),
        (lambda: inspect.unwrap(glyphs)(2, labels=torch.zeros(2)), "float32"),
        (
            lambda: inspect.unwrap(draw_strokes)(torch.zeros(1, 2, 2), torch.ones(1), 8),
            r"strokes has shape \(1, 2, 2\)",
        ),
        (lambda: inspect.unwrap(draw_strokes)(torch.zeros(1, 1, 2, 2).long(), torch.ones(1), 8), "dtype torch.int64"),
        (lambda: inspect.unwrap(draw_strokes)(torch.zeros(1, 0, 2, 2), torch.ones(1), 8), "segments"),
        (lambda: inspect.unwrap(draw_strokes)(torch.zeros(1, 1, 2, 2), torch.ones(2), 8), r"pen \(2,\)"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_label_that_is_no_sign_is_refused():
    for label in (10, -1):
        with pytest.raises(ValueError, match="wanted 0…9, for bar, plus"):
            glyphs(2, labels=torch.tensor([0, label]))


def test_labels_that_are_a_list_are_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"labels is a list.*as_tensor"):
        inspect.unwrap(glyphs)(2, labels=[0, 1])
