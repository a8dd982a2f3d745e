r"""Holding a critic back by its weights: clip them into a box, or divide each by its spectral norm."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm, spectral_norm
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from course_gan.inputs import at_least_single, require_count, require_positive

__all__ = ["clip_weights_", "spectral_norm_"]

LINEAR_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
    nn.Embedding,
)


def clip_weights_(critic: nn.Module, bound: float | int) -> None:
    r"""Clip every weight and bias into [-bound, bound], in place.  Call it *after* the optimizer's step.

    Afterwards the critic lies in the box; clipped before the step it would be used outside.  Parameters of
    normalization layers (every class whose name contains "Norm", and all it contains) keep their values: a scale of
    0.01 would switch the layer off.  So do buffers, such as running statistics.  A weight that is computed from other
    tensors (spectral norm, weight norm) is refused: what could be clipped is not what the layer uses.

    Reference: Arjovsky, Chintala, Bottou, Wasserstein GAN, 2017, Algorithm 1 (bound 0.01).

    >>> critic = nn.Linear(2, 1)
    >>> clip_weights_(critic, 0.01)
    >>> bool((critic.weight.abs() <= 0.01).all())
    True
    """
    if not isinstance(critic, nn.Module):
        raise TypeError(f"critic is a {type(critic).__name__}; wanted the module whose weights are to be clipped.")
    require_positive("bound", float(bound))
    parameters = list(_clippable(critic, "critic"))  # all of them first: a refusal leaves the critic as it was
    with torch.no_grad():
        for parameter in parameters:
            parameter.clamp_(-bound, bound)


def _clippable(module: nn.Module, name: str) -> Iterator[Tensor]:
    """The parameters of a module and of its children, without those of normalization layers."""
    if is_parametrized(module) or any("Norm" in type(hook).__name__ for hook in module._forward_pre_hooks.values()):
        raise ValueError(
            f"{name} computes its weight from other tensors (spectral norm, weight norm), which a clip does not bound; "
            "wanted plain weights. Use one or the other; torch.nn.utils.parametrize.remove_parametrizations undoes it."
        )
    if "Norm" in type(module).__name__:
        return
    yield from module.parameters(recurse=False)
    for child_name, child in module.named_children():
        yield from _clippable(child, f"{name}.{child_name}")


def spectral_norm_(module: nn.Module, iterations: int = 1) -> nn.Module:
    r"""Divide the weight of every linear layer, convolution and embedding by its spectral norm, $W / \sigma(W)$.

    Changes `module` in place and returns it.  Build the optimizer afterwards: the parameters are new ones, called
    `parametrizations.weight.original`.  Layers that have it already are left alone: calling it twice changes nothing.

    σ is estimated by power iteration on two vectors u and v, which are buffers.  They start at the exact singular
    vectors, so the first use is accurate.  Every call in training mode makes `iterations` more; a step that calls the
    critic three times (real, fake, penalty) makes three, and `with torch.nn.utils.parametrize.cached():` around the
    step one.  In eval mode u and v stand still.

    **What is bounded.**  A linear layer gets operator norm 1.  For a convolution σ is the norm of the kernel reshaped
    to the matrix (out, in · kh · kw), *not* that of the map between images.  That one lies between σ and √m · σ when up
    to m patches share a pixel (kh · kw of them for stride 1) and one patch fits into the image; of a transposed or
    grouped convolution it is at most √(kh · kw) · σ, and may be below σ.  The kernel [1, 2, 1] has σ = √6 but stretches
    a constant signal by 4: after division by √6 its layer still has norm 1.63.  `operator_norm` measures it.  Of an
    embedding each row gets norm at most 1.

    Reference: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, section 2.1.

    >>> layer = spectral_norm_(nn.Linear(3, 2))
    >>> round(torch.linalg.matrix_norm(layer.weight, 2).item(), 4)
    1.0
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module is a {type(module).__name__}; wanted a torch module.")
    require_count("iterations", iterations)
    layers = [
        layer
        for name, layer in module.named_modules()
        if isinstance(layer, LINEAR_LAYERS) and _wants_spectral_norm(name or "the layer", layer)
    ]
    for layer in layers:
        # torch draws u and v at random.  They are replaced, so the caller's random stream is to stay where it was.
        with torch.random.fork_rng(devices=[layer.weight.device] if layer.weight.is_cuda else []):
            spectral_norm(layer, n_power_iterations=iterations)
        _start_at_singular_vectors(layer)
    return module


def _wants_spectral_norm(name: str, layer: nn.Module) -> bool:
    """False where the weight has torch's spectral norm already; raise where the weight cannot be divided by one."""
    if is_parametrized(layer, "weight") and any(isinstance(step, _SpectralNorm) for step in _parametrization(layer)):
        return False
    weight = layer._parameters.get("weight")
    if weight is None:
        raise ValueError(
            f"the weight of {name} is computed from other tensors already (weight norm, or the older "
            "torch.nn.utils.spectral_norm); wanted a plain weight. Remove that first."
        )
    if not weight.is_meta and not weight.any():  # the host waits for the device here, once, before training
        raise ValueError(
            f"the weight of {name} is all zeros, and W / σ(W) is 0 / 0; wanted a weight that is not zero. "
            "Initialize the layer first."
        )
    return True


def _start_at_singular_vectors(layer: nn.Module) -> None:
    """Set u and v to the leading singular vectors, through the smaller of the two Gram matrices."""
    chain = _parametrization(layer)
    norm = chain[0]
    assert isinstance(norm, _SpectralNorm)
    if chain.original.is_meta:  # shapes without numbers: there is nothing to decompose
        return
    with torch.no_grad():
        matrix = at_least_single(norm._reshape_weight_to_matrix(chain.original))
        if len(matrix) <= matrix.shape[1]:
            u = torch.linalg.eigh(matrix @ matrix.T).eigenvectors[:, -1]
            v = nn.functional.normalize(matrix.T @ u, dim=0)
        else:
            v = torch.linalg.eigh(matrix.T @ matrix).eigenvectors[:, -1]
            u = nn.functional.normalize(matrix @ v, dim=0)
        norm._u.copy_(u)
        norm._v.copy_(v)


def _parametrization(layer: nn.Module) -> ParametrizationList:
    parametrizations = layer.parametrizations
    assert isinstance(parametrizations, nn.ModuleDict)
    chain = parametrizations["weight"]
    assert isinstance(chain, ParametrizationList)
    return chain
