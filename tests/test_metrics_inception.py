"""Inception score, and the extractor of Inception's features, with a stand-in for torch-fidelity."""

import math
import sys
import types
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan.metrics import (
    as_bytes,
    as_images,
    inception,
    inception_score,
    inception_score_of_logits,
    inception_scores,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def confident(classes: int, top: float) -> Tensor:
    """One sample a class: probability `top` for its class, the rest shared by the others."""
    rest = (1 - top) / (classes - 1)
    return torch.full((classes, classes), rest, dtype=torch.float64) + (top - rest) * torch.eye(classes).double()


# ---------------------------------------------------------------- the score


def test_closed_forms() -> None:
    assert_close(inception_score(confident(2, 0.9)).item(), 1.4449348, rtol=0, atol=5e-8)
    assert_close(inception_score(confident(10, 0.9)).item(), 5.7995461, rtol=0, atol=5e-8)
    exact = math.exp(math.log(10) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1 / 9))
    assert_close(inception_score(confident(10, 0.9)).item(), exact, rtol=1e-12, atol=0)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_sure_and_varied_scores_the_number_of_classes(classes: int) -> None:
    assert_close(inception_score(torch.eye(classes)).item(), float(classes), rtol=1e-6, atol=0)


@pytest.mark.parametrize("row", [[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
def test_equal_samples_score_one(row: list[float]) -> None:
    assert_close(inception_score(torch.tensor([row] * 7)).item(), 1.0, rtol=1e-7, atol=0)


def test_agrees_with_entropies() -> None:
    """log IS = H(y) − E H(y | x), by torch.distributions."""
    rows = torch.rand(50, 6, generator=seeded(), dtype=torch.float64).softmax(1)
    entropy = torch.distributions.Categorical(probs=rows.mean(0)).entropy()
    expected = (entropy - torch.distributions.Categorical(probs=rows).entropy().mean()).exp()
    assert_close(inception_score(rows), expected, rtol=1e-10, atol=0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(2, 8))
def test_bounds_and_invariance(seed: int, n: int, classes: int) -> None:
    rows = (5 * torch.randn(n, classes, generator=seeded(seed), dtype=torch.float64)).softmax(1)
    score = inception_score(rows)
    assert 1 - 1e-12 <= score.item() <= min(n, classes) + 1e-9
    assert_close(inception_score(rows.flip(0)), score)
    assert_close(inception_score(rows.flip(1)), score)


def test_splits_are_consecutive_and_averaged_after_the_exponential() -> None:
    rows = torch.rand(10, 4, generator=seeded(), dtype=torch.float64).mul(4).softmax(1)
    parts = torch.stack([inception_score(part) for part in (rows[:3], rows[3:6], rows[6:])])
    assert_close(inception_scores(rows, 3), parts, rtol=1e-12, atol=0)
    assert_close(inception_score(rows, 3), parts.mean(), rtol=1e-12, atol=0)
    assert abs(parts.mean() - parts.log().mean().exp()) > 1e-4
    assert inception_score(rows, 10) == 1, "one sample a split cannot differ from its mean"
    assert inception_score(rows, 3) < inception_score(rows)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dtypes(dtype: torch.dtype) -> None:
    rows = confident(10, 0.9).to(dtype)
    for value in (inception_score(rows), inception_scores(rows)[0], inception_score_of_logits(rows.log())):
        assert value.dtype == dtype
        # Rounding the probabilities to half precision moves the score by their relative error.
        assert_close(value.double().item(), 5.7995461, rtol=2 * torch.finfo(dtype).eps + 1e-8, atol=0)


def test_logits_may_be_extreme() -> None:
    assert inception_score_of_logits(torch.tensor([[1e4, 0.0], [0.0, 1e4]])) == 2
    logits = torch.randn(30, 5, generator=seeded(), dtype=torch.float64)
    assert_close(inception_score_of_logits(logits, 2), inception_score(logits.softmax(1), 2))


# ---------------------------------------------------------------- the extractor


class Stand(nn.Module):
    """Has torch-fidelity's interface; its features show what it was given."""

    def __init__(self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None) -> None:
        super().__init__()
        self.asked = name, features_list, feature_extractor_weights_path
        self.sizes: list[int] = []
        Stand.last = self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert x.dtype == torch.uint8
        assert not torch.is_grad_enabled()
        assert not self.training
        self.sizes.append(len(x))
        first = x.float().flatten(1)[:, :1]
        return first.expand(-1, 2048), -first.expand(-1, 1008)

    last: "Stand"


@pytest.fixture
def fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = types.ModuleType("torch_fidelity"), types.ModuleType("feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Stand  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", module)


@pytest.mark.usefixtures("fidelity")
def test_extractor_gives_features_and_unbiased_logits_in_batches(tmp_path: Path) -> None:
    extract = inception(tmp_path / "weights.pth", batch=2)
    found = extract(torch.linspace(-1, 1, 5)[:, None, None, None].expand(5, 3, 4, 4))
    assert Stand.last.asked[1:] == (["2048", "logits_unbiased"], str(tmp_path / "weights.pth"))
    assert Stand.last.sizes == [2, 2, 1]
    assert found.features.shape == (5, 2048)
    assert found.logits.shape == (5, 1008)
    assert found.features[:, 0].tolist() == [0, 64, 128, 191, 255]
    bytes_ = torch.full((1, 3, 4, 4), 77, dtype=torch.uint8)
    assert extract(bytes_).features[0, 0] == 77
    inception()
    assert Stand.last.asked[2] is None


def test_without_torch_fidelity_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(ImportError, match="pip install torch-fidelity"):
        inception()


@pytest.mark.usefixtures("fidelity")
@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 8, 8), r"shape \(2, 1, 8, 8\); wanted a tensor \(n, 3, h, w\)"),
        (torch.zeros(3, 8, 8), "wanted a tensor"),
        (torch.zeros(0, 3, 8, 8), "at least one image"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.int64), "wanted bytes"),
        (torch.full((2, 3, 8, 8), 1.5), r"wanted numbers in \[-1, 1\]"),
        (torch.full((2, 3, 8, 8), -1.5), r"wanted numbers in \[-1, 1\]"),
        (torch.full((2, 3, 8, 8), torch.nan), r"wanted numbers in \[-1, 1\]"),
    ],
)
def test_extractor_refuses(images: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inception()(images)


def test_trap_bytes_are_rounded_not_truncated() -> None:
    """Truncation darkens by half a level on average, and turns 0.9999 into 254."""
    levels = torch.arange(256, dtype=torch.uint8)
    images = as_images(levels)
    assert torch.equal(as_bytes(images), levels)
    assert torch.equal(as_bytes(images.double()), levels)
    assert not torch.equal(((images + 1) * 127.5).byte(), levels), "the wrong variant, which loses the way back"
    noise = torch.rand(10_000, generator=seeded()) * 2 - 1
    error = as_bytes(noise).double() - (noise.double() + 1) * 127.5
    assert error.abs().max() <= 0.5 + 1e-4
    assert abs(error.mean().item()) < 0.02
    assert (((noise + 1) * 127.5).byte().double() - (noise.double() + 1) * 127.5).mean() < -0.45
    assert images.min() == -1
    assert images.max() == 1
