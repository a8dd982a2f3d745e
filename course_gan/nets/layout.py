"""Between the rows of a linear layer and the maps of a convolution, without mixing up how their numbers lie in memory.

Convolutions like maps (n, c, h, w) with the channels last in memory; linear layers know rows only, with the channels
first.  The results are the same either way.  But an elementwise operation that meets a map of one layout and a gradient
of the other takes several times as long, and so does what comes after it.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


def linear_of_map(layer: nn.Linear, x: Tensor) -> Tensor:
    """`layer(x.flatten(1))` of maps (n, c, h, w), in the order in which they lie: only the weights are rearranged."""
    if not channels_last(x):
        rows: Tensor = layer(x.flatten(1))
        return rows
    weight = layer.weight.view(len(layer.weight), *x.shape[1:]).permute(0, 2, 3, 1).flatten(1)
    return linear(x.permute(0, 2, 3, 1).flatten(1), weight, layer.bias)


def unflatten_map(x: Tensor, shape: tuple[int, int, int], layer: nn.Module) -> Tensor:
    """From rows (n, c·h·w) to maps (n, *shape), laid out as the convolution `layer` has its weights."""
    maps, weight = x.view(len(x), *shape), layer.weight
    last = isinstance(weight, Tensor) and channels_last(weight)
    return maps.contiguous(memory_format=torch.channels_last) if last else maps


def channels_last(x: Tensor) -> bool:
    """Whether the channels of an (n, c, h, w) lie side by side in memory; by the strides, which all transforms know."""
    return x.shape[1] > 1 and x.stride(1) == 1
