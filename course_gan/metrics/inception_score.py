r"""Inception score: are the labels of single samples sure, and those of all samples varied?

$$\mathrm{IS} = \exp\bigl(E_x\, \mathrm{KL}(p(y \mid x) \,\|\, p(y))\bigr), \quad p(y) = E_x\, p(y \mid x)$$

Reference: Salimans et al., Improved techniques for training GANs, 2016, §4.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.divergences import kl
from course_gan.inputs import require, require_count, require_rows, require_sums_to_one
from course_gan.metrics.checks import as_double, like


def inception_score(probabilities: Float[Tensor, "n classes"], splits: int = 1) -> Float[Tensor, ""]:
    """The score of samples from their class probabilities, (n, classes): between 1 and the number of classes.

    The mean over `splits` equal parts in the order given (shuffle samples that are sorted by class); 10 parts of 5000
    is usual, and gives less than one part of 50 000 does.  `inception_scores` has each part's, for the ± of papers.
    It is the Inception score of papers only if Inception classified.  Computed in float64, returned in the inputs'
    dtype.

    >>> inception_score(torch.eye(10))
    tensor(10.)
    >>> inception_score(torch.tensor([[0.9, 0.1], [0.1, 0.9]]))
    tensor(1.4449)
    """
    return like(_scores(_rows(probabilities), splits).mean(), probabilities)


def inception_scores(probabilities: Float[Tensor, "n classes"], splits: int = 1) -> Float[Tensor, " splits"]:
    """The score of each of `splits` equal consecutive parts, (splits,).

    >>> inception_scores(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), splits=2)
    tensor([1., 2.])
    """
    return like(_scores(_rows(probabilities), splits), probabilities)


def inception_score_of_logits(logits: Float[Tensor, "n classes"], splits: int = 1) -> Float[Tensor, ""]:
    """The score of samples from a classifier's logits, (n, classes): that of their softmax, see `inception_score`.

    >>> inception_score_of_logits(torch.tensor([[1000.0, 0.0], [0.0, 1000.0]]))
    tensor(2.)
    """
    logits = require_rows("logits", logits)
    return like(_scores(as_double(logits).softmax(1), splits).mean(), logits)


def _rows(probabilities: object) -> Tensor:
    """Checked probabilities in float64, where each row then sums to one to the last digit."""
    checked = require_rows("probabilities", probabilities)
    wanted = "wanted probabilities. Logits go to inception_score_of_logits"
    require("probabilities", checked, checked >= 0, wanted)
    require_sums_to_one("probabilities", checked)
    rows = as_double(checked)
    return rows / rows.sum(1, keepdim=True)


def _scores(rows: Tensor, splits: int) -> Tensor:
    require_count("splits", splits)
    n = len(rows)
    if splits > n:
        raise ValueError(f"splits is {splits} for {n} samples; wanted at most one split a sample.")
    parts = [rows[i * n // splits : (i + 1) * n // splits] for i in range(splits)]
    return torch.stack([kl(part, part.mean(0)).mean().exp() for part in parts])
