"""Features of images: a small classifier whose last hidden layer they are, and any extractor run a batch at a time."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import require, require_count, require_floats

FEATURES = 64


class Classifier(nn.Module):
    """A small convolutional classifier of images (n, channels, size, size) in [-1, 1], its features and its logits.

    Blocks of a 3×3 convolution, ReLU and 2×2 max pooling halve the sides until they are 4 pixels or fewer (two
    convolutions come before the first pooling), a linear layer with ReLU makes the 64 features, another one the logits.
    `size` is 8 or more, for example 8, 16, 28, 32.  `test_accuracy`, set by `train_classifier`, is the share of
    held-out images it labels right.  For 8×8 digits it has 38 282 parameters, for 28×28 ones 171 594.

    Distances between its features are no FID: that name belongs to Inception's features.

    >>> model = Classifier(size=8)
    >>> model(torch.zeros(5, 1, 8, 8)).shape, model.features(torch.zeros(5, 1, 8, 8)).shape
    (torch.Size([5, 10]), torch.Size([5, 64]))
    """

    def __init__(self, size: int, channels: int = 1, classes: int = 10, width: int = 16) -> None:
        super().__init__()
        require_count("size", size, 8)
        for name, number in (("channels", channels), ("width", width)):
            require_count(name, number)
        require_count("classes", classes, 2)
        self.settings = {"size": size, "channels": channels, "classes": classes, "width": width}
        self.test_accuracy = float("nan")
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        while size > 4:
            layers += [nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            size, width = size // 2, 2 * width
        layers += [nn.Flatten(), nn.Linear(width * size**2, FEATURES), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Float[Tensor, "n channels size size"]) -> Float[Tensor, "n features"]:
        """The last hidden layer, (n, 64)."""
        size, channels = self.settings["size"], self.settings["channels"]
        images = require_floats("images", images)
        if images.shape[1:] != (channels, size, size):
            raise ValueError(
                f"images have shape {tuple(images.shape)}; wanted (n, {channels}, {size}, {size}), as this classifier "
                "was made for. Make another one, or resize them."
            )
        hidden: Tensor = self.body(images)
        return hidden

    def forward(self, images: Float[Tensor, "n channels size size"]) -> Float[Tensor, "n classes"]:
        """The logits, (n, classes)."""
        logits: Tensor = self.head(self.features(images))
        return logits


def extract(
    model: Classifier | Callable[[Tensor], Tensor], images: Tensor, *, batch: int = 256
) -> Float[Tensor, "n features"]:
    """Features (n, d) of images (n, c, h, w), a batch at a time, without gradients.

    `model` is a module with a method `features`, which is used in its evaluation mode and left in the mode it was in,
    or any function of a batch.  Images in bytes become numbers in [-1, 1].  A module's device is where the batches go;
    the features are on the device of the images.

    >>> extract(Classifier(size=8), torch.zeros(5, 1, 8, 8), batch=2).shape
    torch.Size([5, 64])
    """
    images = require_images(images)
    require_count("batch", batch)
    function: Callable[[Tensor], Tensor] = getattr(model, "features", model)
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    weight = next((weight for part in modules for weight in part.parameters(recurse=False)), None)
    modes = [(part, part.training) for part in modules]
    try:
        for part in modules:
            part.training = False
        with torch.no_grad():
            found = [
                _tensor(function(as_images(rows) if weight is None else as_images(rows).to(weight))).to(images.device)
                for rows in torch.split(images, batch)
            ]
    finally:
        for part, training in modes:
            part.training = training
    return torch.cat(found)


def _tensor(found: object) -> Tensor:
    if not isinstance(found, Tensor):
        raise TypeError(f"the model gave a {type(found).__name__} for a batch; wanted a tensor (n, d) of features.")
    return found


def require_images(images: object, channels: int | None = None) -> Tensor:
    """Return `images` if it is a tensor (n, c, h, w) of bytes or of numbers, with as many channels as asked for."""
    right = isinstance(images, Tensor) and images.ndim == 4 and images.numel() > 0
    if not isinstance(images, Tensor) or not right or channels not in (None, images.shape[1]):
        given = f"a tensor of shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(
            f"images is {given}; wanted a tensor (n, {channels or 'c'}, h, w) with at least one image. "
            "A single one gets its axis by image[None]; gray ones become three channels by expand(-1, 3, -1, -1)."
        )
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(f"images has dtype {images.dtype}; wanted bytes (torch.uint8), or numbers in [-1, 1].")
    return images


def as_images(images: Tensor) -> Tensor:
    """Bytes 0 … 255 as numbers in [-1, 1]; numbers as they are."""
    given: object = images
    if not isinstance(given, Tensor) or not (given.dtype == torch.uint8 or given.is_floating_point()):
        told = f"dtype {given.dtype}" if isinstance(given, Tensor) else f"type {type(given).__name__}"
        raise TypeError(f"images have {told}; wanted bytes (torch.uint8), or numbers in [-1, 1].")
    return images.float() / 127.5 - 1 if images.dtype == torch.uint8 else images


def as_bytes(images: Float[Tensor, "*shape"]) -> Tensor:
    """Numbers in [-1, 1] as the *nearest* bytes 0 … 255.  Truncating would darken every image by half a level.

    >>> as_bytes(torch.tensor([-1.0, 0.9999, 1.0]))
    tensor([  0, 255, 255], dtype=torch.uint8)
    """
    wanted = "wanted numbers in [-1, 1]. Those in [0, 1] become such by 2 * images - 1"
    images = require_floats("images", images)
    require("images", images, (images >= -1) & (images <= 1), wanted)
    return ((images.float() + 1) * 127.5).round().to(torch.uint8)
