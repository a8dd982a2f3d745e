"""What the metrics refuse, and that the message says what was given, what is wanted and what to do."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from course_gan import metrics
from course_gan.metrics import Classifier, FeatureStatistics

ROWS = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
PAIRS: list[Callable[..., Any]] = [
    metrics.fid,
    metrics.fid_infinity,
    metrics.kid,
    metrics.kid_of_subsets,
    metrics.mmd,
    metrics.mmd_squared,
    metrics.mmd_test,
    metrics.precision_recall,
    metrics.density_coverage,
    metrics.nearest_neighbor_test,
    metrics.classifier_test,
]


def spoiled(value: float) -> Tensor:
    rows = ROWS.clone()
    rows[3, 1] = value
    return rows


def call(function: Callable[..., Any], *given: object, **options: object) -> Any:
    """Without the test's own check of shapes, so that ours is tested."""
    return inspect.unwrap(function)(*given, **options)


@pytest.mark.parametrize("function", PAIRS)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("second", [False, True])
def test_nan_is_told_with_its_place(function: Callable[..., Any], value: float, second: bool) -> None:
    given = (ROWS, spoiled(value)) if second else (spoiled(value), ROWS)
    name = list(inspect.signature(function).parameters)[second]
    with pytest.raises(ValueError, match=rf"{name}\[3, 1\] is (nan|inf); wanted finite numbers"):
        call(function, *given)


@pytest.mark.parametrize("function", PAIRS)
def test_wrong_shapes_types_and_devices(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"\(12, 3\) and .*\(12, 2\); wanted .*as many features a row"):
        call(function, ROWS, ROWS[:, :2])
    with pytest.raises(ValueError, match=r"\(12, 2\) and .*\(12, 3\); wanted .*as many features a row"):
        call(function, ROWS[:, :2], ROWS)
    with pytest.raises(ValueError, match=r"shape \(3,\); wanted \(n, d\)"):
        call(function, ROWS[0], ROWS)
    with pytest.raises(ValueError, match=r"flatten\(1\)"):
        call(function, ROWS, torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match=r"dtype torch.int64; wanted a floating-point"):
        call(function, ROWS.long(), ROWS)
    with pytest.raises(TypeError, match=r"ndarray; wanted .*torch.as_tensor"):
        call(function, np.zeros((3, 2)), ROWS)


def test_two_devices_are_told() -> None:
    with pytest.raises(ValueError, match=r"x is on cpu and y on meta; wanted one device"):
        metrics.checks.two_samples(x=ROWS, y=_elsewhere(ROWS))


class _elsewhere(Tensor):
    """A tensor that says it is on another device; real ones may not be had."""

    @property
    def device(self) -> torch.device:
        return torch.device("meta")

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if function is Tensor.device.__get__:
            return torch.device("meta")
        with torch._C.DisableTorchFunctionSubclass():
            return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("function", PAIRS)
def test_one_row_is_too_few(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
        call(function, ROWS[:1], ROWS)
    if function is not metrics.density_coverage:  # which asks no fake for its neighbors
        with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
            call(function, ROWS, ROWS[:1])


def test_two_rows_are_enough_and_four_for_a_classifier() -> None:
    x, y = ROWS[:2], ROWS[2:4]
    for function in (metrics.fid, metrics.kid, metrics.mmd):
        assert function(x, y).isfinite()
    assert 0 < metrics.mmd_test(x, y, permutations=3).p_value <= 1
    assert 0 < metrics.nearest_neighbor_test(x, y, permutations=3).p_value <= 1
    assert 0 < metrics.classifier_test(ROWS[:4], ROWS[4:8]).p_value <= 1
    with pytest.raises(ValueError, match=r"shape \(3, 3\).* at least 4 of them"):
        metrics.classifier_test(ROWS[:4], ROWS[4:7])


@pytest.mark.parametrize("k", [12, 13, 0, -1, 2.0, True])
def test_k_is_a_count_below_the_number_of_rows(k: object) -> None:
    for function in (metrics.precision_recall, metrics.density_coverage):
        with pytest.raises(ValueError, match=r"k is .*; wanted (more rows than k|a whole number of at least 1)"):
            call(function, ROWS, ROWS.repeat(2, 1), k)
    with pytest.raises(ValueError, match="k is 11 and fake"):
        call(metrics.precision_recall, ROWS, ROWS[:11], 11)
    assert metrics.precision_recall(ROWS, ROWS, 11) == (1, 1)
    assert metrics.density_coverage(ROWS, ROWS[:1], 11).coverage > 0, (
        "one fake is enough where only real points have balls"
    )


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (metrics.kid_of_subsets, {}, r"size is 1000 beside 12 rows of x and 12 of y; .*size=6, say"),
        (metrics.kid_of_subsets, {"size": 12}, "smaller than both"),
        (metrics.kid_of_subsets, {"size": 1}, "size is 1; wanted a whole number of at least 2"),
        (metrics.kid_of_subsets, {"size": 5, "subsets": 1}, "subsets is 1; wanted"),
        (metrics.fid_infinity, {"points": 1}, "points is 1; wanted"),
        (metrics.fid_infinity, {"points": 3, "smallest": 11}, "as many different sizes as points"),
        (metrics.fid_infinity, {}, "15 points"),
        (metrics.fid_infinity, {"points": 3, "smallest": 1}, "smallest is 1; wanted"),
        (metrics.mmd_test, {"permutations": 0}, "permutations is 0; wanted"),
        (metrics.nearest_neighbor_test, {"permutations": 0}, "permutations is 0; wanted"),
        (metrics.classifier_test, {"hidden": -1}, "hidden is -1; wanted"),
        (metrics.classifier_test, {"steps": 0}, "steps is 0; wanted"),
        (metrics.mmd_squared, {"bandwidth": 0}, "bandwidth is 0; wanted a finite number above 0"),
        (metrics.mmd_squared, {"bandwidth": -1.0}, "bandwidth is -1; wanted"),
        (metrics.mmd_squared, {"bandwidth": torch.nan}, "bandwidth is nan; wanted"),
        (metrics.mmd_squared, {"kernel": "box"}, "'box' is not a kernel here"),
        (metrics.mmd_squared, {"kernel": "linear"}, "'linear' is not a kernel here; wanted one of gaussian, cubic"),
        (
            metrics.mmd_squared,
            {"kernel": "cubic", "bandwidth": 1.0},
            "bandwidth is 1 for the cubic kernel; wanted none",
        ),
    ],
)
def test_options(function: Callable[..., Any], options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(function, ROWS, ROWS, **options)


def test_equal_samples_have_no_median_distance() -> None:
    with pytest.raises(ValueError, match=r"median distance .* is 0.*Pass bandwidth="):
        metrics.mmd_squared(torch.zeros(5, 1), torch.zeros(5, 1))


EYE, ZERO = torch.eye(3), torch.zeros(3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((ZERO, EYE[:2], ZERO, EYE), r"cov1 has shape \(2, 3\) beside mu1 of shape \(3,\); wanted means \(d,\)"),
        ((ZERO, EYE, ZERO[:2], EYE), "mu2 has shape"),
        ((ZERO, torch.eye(4), ZERO, EYE), r"cov1 has shape \(4, 4\)"),
        ((ZERO[None], EYE[None], ZERO[None], EYE[None]), "of one Gaussian each"),
        ((ZERO[0], EYE, ZERO, EYE), "mu1 has shape"),
        ((ZERO, EYE, ZERO + torch.nan, EYE), r"mu2\[0\] is nan"),
        ((ZERO, EYE * torch.inf, ZERO, EYE), "cov1.* is (nan|inf)"),
        ((ZERO, torch.ones(3, 3).triu() + EYE, ZERO, EYE), r"\|cov1 - cov1.T\|.*symmetric"),
        ((ZERO, EYE, ZERO, -EYE), "least eigenvalue of cov2 is -1; wanted a covariance"),
        ((ZERO, EYE, ZERO, EYE - 1.0), "least eigenvalue of cov2"),
    ],
)
def test_frechet_distance_refuses(given: tuple[Tensor, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(metrics.frechet_distance, *given)
    with pytest.raises(TypeError, match="mu1 is a list"):
        call(metrics.frechet_distance, [0.0], EYE, ZERO, EYE)
    with pytest.raises(ValueError, match="cov2 is on meta and mu1 on cpu"):
        call(metrics.frechet_distance, ZERO, EYE, ZERO, EYE.to("meta"))


def test_statistics_refuse() -> None:
    statistics = FeatureStatistics()
    with pytest.raises(ValueError, match="no rows were seen"):
        _ = statistics.mean
    with pytest.raises(ValueError, match="0 rows were seen"):
        _ = statistics.cov
    statistics.update(ROWS[:1])
    with pytest.raises(ValueError, match="1 rows were seen; wanted at least two"):
        _ = statistics.cov
    with pytest.raises(ValueError, match=r"shape \(12, 2\) after batches with 3 features"):
        statistics.update(ROWS[:, :2])
    with pytest.raises(ValueError, match=r"shape \(12, 3\) after batches with 2 features"):
        FeatureStatistics().update(ROWS[:, :2]).update(ROWS)
    with pytest.raises(ValueError, match="the other statistics have 3 features; wanted 2"):
        FeatureStatistics().update(ROWS[:, :2]).merge(FeatureStatistics().update(ROWS))
    with pytest.raises(ValueError, match=r"batch.* is nan"):
        call(FeatureStatistics.update, statistics, spoiled(torch.nan))
    with pytest.raises(ValueError, match="the other statistics have 2 features; wanted 3"):
        statistics.merge(FeatureStatistics().update(ROWS[:, :2]))
    with pytest.raises(ValueError, match="at least 2 of them"):
        metrics.feature_statistics(ROWS[:1])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.tensor([[0.5, 0.6]]), r"the sum of probabilities\[0\] is 1.1; wanted 1"),
        (torch.tensor([[1.5, -0.5]]), r"probabilities\[0, 1\] is -0.5; wanted probabilities. Logits go to"),
        (torch.tensor([[torch.nan, 1.0]]), "is nan"),
        (torch.ones(3), r"wanted \(n, d\)"),
    ],
)
def test_inception_score_refuses(rows: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(metrics.inception_score, rows)
    with pytest.raises(ValueError, match="splits is 4 for 3 samples"):
        metrics.inception_score(EYE, 4)
    with pytest.raises(ValueError, match="splits is 0"):
        metrics.inception_score_of_logits(EYE, 0)
    with pytest.raises(ValueError, match=r"logits\[0, 0\] is inf"):
        metrics.inception_score_of_logits(torch.tensor([[torch.inf, 0.0]]))


def test_modes_refuse() -> None:
    for std in (0, -1.0, torch.nan):
        with pytest.raises(ValueError, match=r"std is .*; wanted a finite number above 0"):
            metrics.modes(ROWS, ROWS, std)
    with pytest.raises(ValueError, match="within is 0"):
        metrics.modes(ROWS, ROWS, 1, within=0)
    with pytest.raises(TypeError, match=r"std is a tensor of shape \(3,\); wanted one number, the same for all modes"):
        call(metrics.modes, ROWS, ROWS, torch.ones(3))
    with pytest.raises(TypeError, match="std is a NoneType; wanted one number"):
        call(metrics.modes, ROWS, ROWS, None)
    with pytest.raises(ValueError, match=r"samples\[3, 1\] is nan"):
        metrics.modes(spoiled(torch.nan), ROWS, 1.0)
    with pytest.raises(ValueError, match="as many features a row"):
        call(metrics.modes, ROWS, ROWS[:, :2], 1.0)
    for wrong in (0, 1.5):
        with pytest.raises(ValueError, match=r"d is .*; wanted a whole number"):
            call(metrics.high_quality_ceiling, wrong)
    with pytest.raises(ValueError, match="within is -1"):
        metrics.high_quality_ceiling(2, -1)


def test_labels_refuse() -> None:
    labels = torch.tensor([0, 1, 4])
    for function in (metrics.mode_histogram_kl, metrics.modes_hit):
        with pytest.raises(ValueError, match=r"labels\[2\] is 4; wanted labels from 0 to 3"):
            call(function, labels, 4)
        with pytest.raises(ValueError, match=r"labels\[0\] is -1"):
            call(function, labels - 1, 4)
        with pytest.raises(TypeError, match=r"dtype torch.float32; wanted a tensor of whole numbers.*argmax"):
            call(function, labels.float(), 5)
        with pytest.raises(TypeError, match="type list"):
            call(function, [0, 1], 5)
        with pytest.raises(TypeError, match=r"dtype torch.complex64; wanted a tensor of whole numbers"):
            call(function, labels.to(torch.complex64), 5)
        with pytest.raises(ValueError, match=r"shape \(1, 3\); wanted \(n,\)"):
            call(function, labels[None], 5)
        with pytest.raises(ValueError, match=r"shape \(\); wanted \(n,\)"):
            call(function, labels[0], 5)
        with pytest.raises(ValueError, match=r"shape \(0,\); wanted \(n,\)"):
            call(function, labels[:0], 5)
        with pytest.raises(ValueError, match="classes is 0"):
            call(function, labels, 0)
    for function in (metrics.mode_histogram_floor, metrics.expected_modes_hit):
        with pytest.raises(ValueError, match="classes is 0"):
            function(0, 5)
        with pytest.raises(ValueError, match="n is 0"):
            function(5, 0)


def test_memorization_refuses() -> None:
    for given, message in (
        ((ROWS, spoiled(torch.nan), ROWS), r"generated\[3, 1\] is nan"),
        ((ROWS, ROWS, ROWS[:, :2]), r"train has shape \(12, 3\) and held_out \(12, 2\)"),
        ((ROWS, ROWS[:0], ROWS), "generated has shape"),
    ):
        with pytest.raises(ValueError, match=message):
            call(metrics.memorization, *given)


IMAGES, LABELS = torch.zeros(10, 1, 8, 8), torch.zeros(10, dtype=torch.int64)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((IMAGES[0], LABELS), {}, r"images is a tensor of shape \(1, 8, 8\)"),
        (("no", LABELS), {}, "images is str; wanted a tensor"),
        ((IMAGES.long(), LABELS), {}, "images has dtype torch.int64"),
        ((IMAGES[:, :, :7], LABELS), {}, "two square images"),
        ((IMAGES[..., :7], LABELS), {}, "two square images"),
        ((IMAGES[:9], LABELS), {}, r"labels are \(10,\), torch.int64; wanted whole numbers \(9,\)"),
        ((IMAGES[:1], LABELS[:1]), {}, "at least two"),
        ((IMAGES + torch.nan, LABELS), {}, "nan or inf"),
        ((IMAGES, LABELS[:9]), {}, r"labels are \(9,\), torch.int64; wanted whole numbers \(10,\)"),
        ((IMAGES, LABELS.float()), {}, "torch.float32; wanted whole numbers"),
        ((IMAGES, [0] * 10), {}, "labels are list"),
        ((IMAGES, LABELS - 1), {}, "least label is -1"),
        ((IMAGES, LABELS), {"epochs": 0}, "epochs is 0"),
        ((IMAGES, LABELS), {"batch": 0}, "batch is 0"),
        ((IMAGES, LABELS), {"held_out": 0.0}, "held_out is 0; wanted a share"),
        ((IMAGES, LABELS), {"held_out": 0.99}, "leaves images to train on"),
        ((torch.zeros(10, 1, 4, 4), LABELS), {}, "size is 4; wanted a whole number of at least 8"),
    ],
)
def test_train_classifier_refuses(given: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(metrics.train_classifier, *given, **options)


def test_classifier_and_extract_refuse() -> None:
    model = Classifier(8)
    for images in (torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 4, 4), torch.zeros(2, 3, 8, 8)):
        with pytest.raises(ValueError, match=r"wanted \(n, 1, 8, 8\), as this classifier was made for"):
            call(Classifier.features, model, images)
    with pytest.raises(TypeError, match="images is a list"):
        call(Classifier.features, model, [0.0])
    with pytest.raises(TypeError, match="the model gave a list for a batch; wanted a tensor"):
        metrics.extract(lambda images: images.flatten(1).tolist(), IMAGES)
    for images in ([0.0], IMAGES.long()):
        with pytest.raises(TypeError, match=r"wanted bytes \(torch.uint8\), or numbers in \[-1, 1\]"):
            call(metrics.as_images, images)
    with pytest.raises(TypeError, match="images is a list"):
        call(metrics.as_bytes, [0.0])
    with pytest.raises(ValueError, match="classes is 1"):
        Classifier(8, classes=1)
    with pytest.raises(ValueError, match="channels is 0"):
        Classifier(8, channels=0)
    with pytest.raises(ValueError, match="batch is 0"):
        metrics.extract(model, IMAGES, batch=0)
    with pytest.raises(ValueError, match=r"wanted a tensor \(n, c, h, w\)"):
        metrics.extract(model, IMAGES[0])
    with pytest.raises(ValueError, match=r"wanted a tensor \(n, c, h, w\)"):
        metrics.extract(model, IMAGES[None])


def test_every_public_name_exists_and_is_documented() -> None:
    assert len(set(metrics.__all__)) == len(metrics.__all__) == 41
    for name in metrics.__all__:
        assert (getattr(metrics, name).__doc__ or "").strip(), name


def test_rows_whose_sum_overflows_are_finite_all_the_same() -> None:
    from course_gan.inputs import require_rows

    huge = torch.full((4, 1), 1e308, dtype=torch.float64)
    assert require_rows("x", huge) is huge
    for spoiled in ([1.0, float("inf"), -float("inf")], [1.0, float("nan"), 2.0]):
        with pytest.raises(ValueError, match=r"x\[1, 0\] is .*; wanted finite numbers"):
            require_rows("x", torch.tensor(spoiled)[:, None])


@pytest.mark.parametrize("function", PAIRS)
def test_rows_without_numbers_are_told(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"is on the meta device, which knows shapes and no numbers"):
        call(function, ROWS.to("meta"), ROWS.to("meta"))


def test_other_statistics_are_statistics() -> None:
    with pytest.raises(TypeError, match=r"other is a Tensor; wanted FeatureStatistics. Features go to update"):
        call(FeatureStatistics.merge, FeatureStatistics(), ROWS)


@pytest.mark.parametrize("function", [metrics.kid, lambda x, y: metrics.mmd_test(x, y, kernel="cubic")])
def test_a_kernel_that_overflows_is_told_and_is_no_nan(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"the kernel overflows for features as large as 2.*e\+60"):
        function(ROWS.double() * 1e60, ROWS.double() * 1e60)


UNITS = [1e-300, 1e-200, 1e-100, 1.0, 1e100, 1e200, 1e300]


@pytest.mark.parametrize("unit", UNITS)
def test_units_change_no_share_however_large_or_small(unit: float) -> None:
    draw = torch.Generator().manual_seed(0)
    x, y, z = (torch.randn(50, 3, generator=draw).double() + shift for shift in (0, 0.5, 0))

    def found(unit: float) -> list[Any]:
        a, b, c = x * unit, y * unit, z * unit
        draws = [torch.Generator().manual_seed(1) for _ in range(3)]
        return [
            metrics.precision_recall(a, b),
            metrics.density_coverage(a, b),
            metrics.memorization(a, b, c),
            metrics.modes(a, b, 0.3 * unit),
            metrics.nearest_neighbor_test(a, b, generator=draws[0]),
            metrics.classifier_test(a, b, generator=draws[1]),
            metrics.mmd_test(a, b, generator=draws[2]).p_value,
        ]

    assert found(unit) == found(1.0)
    for bandwidth in (None, 0.7):
        expected = metrics.mmd_squared(x, y, bandwidth)
        torch.testing.assert_close(metrics.mmd_squared(x * unit, y * unit, bandwidth and bandwidth * unit), expected)


@pytest.mark.parametrize(("unit", "n"), [(1e-150, 50), (1e100, 50), (1e150, 50), (1e150, 3)])
def test_the_frechet_distance_goes_with_the_square_of_the_unit(unit: float, n: int) -> None:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(n, 3, generator=draw).double(), torch.randn(n, 3, generator=draw).double() + 1
    torch.testing.assert_close(metrics.fid(x * unit, y * unit) / unit / unit, metrics.fid(x, y))
    assert metrics.fid(x * 1e200, y * 1e200) == torch.inf


def test_a_classifier_learns_from_images_in_float64() -> None:
    images, labels = torch.randn(10, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(10) % 2
    single, double = (metrics.train_classifier(each, labels, epochs=1) for each in (images, images.double()))
    torch.testing.assert_close(single.state_dict(), double.state_dict(), rtol=0, atol=0)
