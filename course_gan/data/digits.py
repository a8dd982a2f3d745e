r"""scikit-learn's digits: 1797 real handwritten digits of 8×8 pixels that come with it, no download needed."""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_gan.inputs import require_count


class Split(NamedTuple):
    """Images and labels to train with, and others to test with."""

    train_images: Float[Tensor, "train 1 8 8"]
    train_labels: Int64[Tensor, " train"]
    test_images: Float[Tensor, "test 1 8 8"]
    test_labels: Int64[Tensor, " test"]


def digits() -> tuple[Float[Tensor, "1797 1 8 8"], Int64[Tensor, " 1797"]]:
    r"""All images (1797, 1, 8, 8) in [-1, 1], background -1, and their labels 0…9, (1797,).

    A pixel counts the dark ones among 4×4 of a scan, 0…16; here 16 becomes 1.

    Reference: Alpaydin and Kaynak, Optical recognition of handwritten digits, UCI Machine Learning Repository, 1998.

    >>> images, labels = digits()
    >>> images.min(), images.max(), labels[:4]
    (tensor(-1.), tensor(1.), tensor([0, 1, 2, 3]))
    """
    images, labels = _load()
    return images.clone(), labels.clone()  # who changes them in place changes their own


def digits_split(test_share: float = 0.25, *, seed: int = 0) -> Split:
    r"""The digits as a training and a test set, with the classes in the same proportions in both.

    >>> [len(part) for part in digits_split()]
    [1348, 1348, 449, 449]
    """
    images, labels = digits()
    train, test = stratified_split(labels, test_share, seed=seed)
    return Split(images[train], labels[train], images[test], labels[test])


def stratified_split(
    labels: Int64[Tensor, " n"], test_share: float, *, seed: int = 0
) -> tuple[Int64[Tensor, " train"], Int64[Tensor, " test"]]:
    r"""Indices of a training and of a test set, each in increasing order, together every row once.

    The test set has round(share · n) rows.  Of each class it has the same share, rounded down or up: up for the
    classes with the largest remainders (ties: the smaller label), until the number is right.  Which rows, `seed` says.

    >>> train, test = stratified_split(torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), 0.5)
    >>> len(train), len(test)
    (4, 4)
    """
    require_count("seed", seed, least=0)
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels is a {type(labels).__name__}; wanted a tensor (n,). Pass torch.as_tensor(labels).")
    if not 0 < test_share < 1:
        raise ValueError(f"test_share is {test_share:g}; wanted a share between 0 and 1.")
    if labels.ndim != 1 or labels.is_floating_point() or len(labels) == 0:
        raise ValueError(f"labels has shape {tuple(labels.shape)} and dtype {labels.dtype}; wanted (n,) of int64.")
    on_host = labels.cpu()
    members = [(on_host == label).nonzero()[:, 0] for label in sorted(set(on_host.tolist()))]
    # Rounded: 0.2 of 7 and 0.2 of 27 have the same remainder, 0.4, but not in floating point; so have halves in sums.
    exact = (torch.tensor([len(rows) for rows in members], dtype=torch.float64) * test_share).round(decimals=9)
    quota = exact.floor().long()
    remainders = (exact - quota).round(decimals=9)
    extra = round(float(exact.sum().round(decimals=9))) - int(quota.sum())
    quota[remainders.sort(descending=True, stable=True).indices[:extra]] += 1
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for rows, size in zip(members, quota.tolist()):
        chosen[rows[torch.randperm(len(rows), generator=generator)[:size]]] = True
    return (~chosen).nonzero()[:, 0].to(labels.device), chosen.nonzero()[:, 0].to(labels.device)


@cache
def _load() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.as_tensor(found.images, dtype=torch.float32)[:, None]
    return images / 8 - 1, torch.as_tensor(found.target, dtype=torch.int64)
