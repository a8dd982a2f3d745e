"""The Inception network of the papers, if torch-fidelity is installed: only with its features is a distance the FID."""

import importlib
import os
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.metrics.features import as_bytes, require_images

NEEDED = "torch_fidelity.feature_extractor_inceptionv3"


class Inception(NamedTuple):
    """What the metrics of papers take: features for FID and KID, logits for the Inception score."""

    features: Float[Tensor, "n 2048"]
    logits: Float[Tensor, "n 1008"]


def inception(
    weights: str | os.PathLike[str] | None = None, *, batch: int = 64, device: torch.device | str = "cpu"
) -> Callable[[Tensor], Inception]:
    """A function from images (n, 3, h, w), numbers in [-1, 1] or bytes, to Inception's 2048 features and 1008 logits.

    Needs torch-fidelity, which `pip install torch-fidelity` brings, and so does torchmetrics with its extra `image`:
    it holds the network with the weights converted from the TensorFlow original, resizes bytes to 299×299 as the
    original does, and leaves out the bias of the logits as the Inception score's original code does.  Other
    Inceptions, torchvision's too, give other numbers.  torch-fidelity downloads the weights (91 MB) when it first
    needs them, unless `weights` is a file that holds them.

    `fid(real.features, generated.features)` then is the FID; say with it how many images of which set, and how they
    were resized before (an antialiased resize or a JPEG in between moves it by more than most claims).
    """
    require_count("batch", batch)
    try:
        module = importlib.import_module(NEEDED)
    except ImportError as error:
        raise ImportError(
            "Inception's features need torch-fidelity, which is not installed (torchmetrics takes them from it, too). "
            "Run: pip install torch-fidelity. Without it, features of digits_classifier() serve, not to be called FID."
        ) from error
    path = None if weights is None else os.fspath(weights)
    names = ["2048", "logits_unbiased"]
    network = module.FeatureExtractorInceptionV3("inception-v3-compat", names, feature_extractor_weights_path=path)
    network = network.to(device).eval()

    def extractor(images: Tensor) -> Inception:
        images = require_images(images, channels=3)
        with torch.no_grad():
            parts = [rows if rows.dtype == torch.uint8 else as_bytes(rows) for rows in torch.split(images, batch)]
            found = [network(part.to(device)) for part in parts]
        features, logits = (torch.cat([part[i] for part in found]).to(images.device) for i in range(2))
        return Inception(features, logits)

    return extractor
