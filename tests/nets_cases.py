"""Small versions of every network, with inputs, for the tests of `course_gan.nets`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_gan import nets

Build = Callable[[torch.Generator | None], nn.Module]
N = 6  # samples


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=seeded(seed))


LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
IMAGES = normal(N, 1, 28, 28).clamp(-1, 1)

GENERATORS: dict[str, Build] = {
    "mlp": lambda rng: nets.MLPGenerator(3, (2,), (16, 16), rng=rng),
    "mlp-batch": lambda rng: nets.MLPGenerator(3, (1, 4, 4), (16, 16), norm="batch", rng=rng),
    "mlp-layer": lambda rng: nets.MLPGenerator(3, (1, 4, 4), (16,), norm="layer", activation="tanh", rng=rng),
    "dcgan": lambda rng: nets.DCGANGenerator(28, 1, 8, 4, rng=rng),
    "dcgan-none": lambda rng: nets.DCGANGenerator(28, 1, 8, 4, norm="none", rng=rng),
    "dcgan-32": lambda rng: nets.DCGANGenerator(32, 3, 8, 2, rng=rng),
    "dcgan-64": lambda rng: nets.DCGANGenerator(64, 3, 8, 2, rng=rng),
    "dcgan-self-modulated": lambda rng: nets.DCGANGenerator(28, 1, 8, 4, norm="self-modulated", rng=rng),
    "dcgan-layer": lambda rng: nets.DCGANGenerator(28, 4, 8, 4, norm="layer", rng=rng),
    "dcgan-virtual": lambda rng: nets.DCGANGenerator(28, 1, 8, 4, norm="virtual", rng=rng),
    "dcgan-wrapped": lambda rng: nets.VirtualBatch(
        nets.DCGANGenerator(28, 1, 8, 4, norm="virtual", rng=rng), normal(5, 8, seed=3)
    ),
    "resnet": lambda rng: nets.ResNetGenerator(28, 1, 8, 4, rng=rng),
    "resnet-none": lambda rng: nets.ResNetGenerator(32, 3, 8, 4, norm="none", rng=rng),
    "resnet-self-modulated": lambda rng: nets.ResNetGenerator(28, 1, 8, 4, norm="self-modulated", rng=rng),
    "bigan": lambda rng: nets.BiGANGenerator(5, (1, 8, 8), (16, 16), rng=rng),
    "biggan": lambda rng: nets.BigGANGenerator(28, 1, 9, 4, classes=3, embedding=5, rng=rng),
    "biggan-64": lambda rng: nets.BigGANGenerator(64, 3, 10, 2, classes=3, embedding=5, rng=rng),
    "conditional-mlp": lambda rng: nets.ConditionalGenerator(3, (2,), (16,), classes=3, embedding=4, rng=rng),
}
# Per sample: the score of a sample depends on it alone.  The others mix the batch, by batch norm or on purpose.
CRITICS: dict[str, Build] = {
    "mlp": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), rng=rng),
    "mlp-tanh": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), activation="tanh", rng=rng),
    "mlp-softplus": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), activation="softplus", norm="layer", rng=rng),
    "mlp-spectral": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), norm="spectral", rng=rng),
    "dcgan-none": lambda rng: nets.DCGANCritic(28, 1, 4, norm="none", rng=rng),
    "dcgan-layer": lambda rng: nets.DCGANCritic(28, 1, 4, norm="layer", rng=rng),
    "dcgan-instance": lambda rng: nets.DCGANCritic(28, 1, 4, norm="instance", rng=rng),
    "dcgan-spectral": lambda rng: nets.DCGANCritic(28, 1, 4, norm="spectral", rng=rng),
    "dcgan-virtual": lambda rng: nets.DCGANCritic(28, 1, 4, norm="virtual", rng=rng),
    "resnet": lambda rng: nets.ResNetCritic(28, 1, 4, rng=rng),
    "resnet-layer": lambda rng: nets.ResNetCritic(28, 1, 4, norm="layer", rng=rng),
    "resnet-spectral": lambda rng: nets.ResNetCritic(28, 1, 4, norm="spectral", rng=rng),
    "patch": lambda rng: nets.PatchCritic(1, 4, 1, rng=rng),
    "patch-none": lambda rng: nets.PatchCritic(1, 4, 2, norm="none", rng=rng),
    "patch-spectral": lambda rng: nets.PatchCritic(1, 4, 1, norm="spectral", rng=rng),
    "biggan": lambda rng: nets.BigGANCritic(28, 1, 4, classes=3, rng=rng),
    "biggan-none": lambda rng: nets.BigGANCritic(28, 1, 4, classes=3, norm="none", rng=rng),
    "projection-mlp": lambda rng: nets.ProjectionCritic((1, 28, 28), (16, 16), classes=3, rng=rng),
    "projection-spectral": lambda rng: nets.ProjectionCritic((1, 28, 28), (16,), classes=3, norm="spectral", rng=rng),
    "bigan": lambda rng: nets.BiGANCritic(5, (1, 28, 28), (16, 16), rng=rng),
}
MIXING: dict[str, Build] = {
    "mlp-batch": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), norm="batch", rng=rng),
    "mlp-std": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), minibatch="std", rng=rng),
    "mlp-discrimination": lambda rng: nets.MLPCritic((1, 28, 28), (16, 16), minibatch="discrimination", rng=rng),
    "dcgan": lambda rng: nets.DCGANCritic(28, 1, 4, rng=rng),
    "dcgan-std": lambda rng: nets.DCGANCritic(28, 1, 4, norm="none", minibatch="std", rng=rng),
    "resnet-batch": lambda rng: nets.ResNetCritic(28, 1, 4, norm="batch", rng=rng),
    "resnet-discrimination": lambda rng: nets.ResNetCritic(28, 1, 4, minibatch="discrimination", rng=rng),
}
OTHERS: dict[str, Build] = {
    "chain": lambda rng: nets.MLP((4, 8, 3), rng=rng),
    "encoder": lambda rng: nets.BiGANEncoder(5, (1, 8, 8), (16, 16), rng=rng),
    "translator": lambda rng: nets.Translator(1, 4, 1, rng=rng),
}
ALL = {
    **{f"generator:{name}": build for name, build in GENERATORS.items()},
    **{f"critic:{name}": build for name, build in {**CRITICS, **{f"{n}-mixing": b for n, b in MIXING.items()}}.items()},
    **OTHERS,
}


def conditional(net: nn.Module) -> bool:
    return hasattr(net, "classes")


def inputs(net: nn.Module, n: int = N) -> tuple[Tensor, ...]:
    """Something to call the network with: z, images or pairs, and labels where it wants them."""
    if isinstance(net, nets.MLP):
        x: tuple[Tensor, ...] = (normal(n, net.sizes[0]),)
    elif isinstance(net, nets.BiGANCritic):
        x = (IMAGES[:n], normal(n, net.latent))
    elif isinstance(net, nets.BiGANEncoder):
        x = (normal(n, *net.shape),)
    elif hasattr(net, "latent"):
        x = (normal(n, net.latent),)
    else:
        x = (IMAGES[:n],)
    return (*x, LABELS[:n]) if conditional(net) else x
