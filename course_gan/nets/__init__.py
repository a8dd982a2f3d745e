"""Networks of the course: generators map z (n, latent) to samples, critics map samples to raw scores (n,).

One concept a module.  Weights are drawn in the constructors, from `rng` where one is given.  The two tables are for
recipes: every class in them is built from keywords alone, with defaults for all of them.
"""

from torch import nn

from course_gan.nets.bigan import BiGANCritic, BiGANEncoder, BiGANGenerator
from course_gan.nets.biggan import BigGANBlock, BigGANCritic, BigGANGenerator
from course_gan.nets.conditional import ConditionalGenerator, ProjectionCritic
from course_gan.nets.dcgan import DCGANCritic, DCGANGenerator
from course_gan.nets.initialization import count_parameters, he_, initialize_, orthogonal_
from course_gan.nets.minibatch import MinibatchDiscrimination, MinibatchStd
from course_gan.nets.mlp import MLP, MLPCritic, MLPGenerator
from course_gan.nets.normalization import ConditionalBatchNorm, SelfModulatedBatchNorm
from course_gan.nets.residual import DownBlock, UpBlock
from course_gan.nets.resnet import ResNetCritic, ResNetGenerator
from course_gan.nets.translator import PatchCritic, ResidualBlock, Translator
from course_gan.nets.virtual import VirtualBatch, VirtualBatchNorm

__all__ = [
    "CRITICS",
    "GENERATORS",
    "MLP",
    "BiGANCritic",
    "BiGANEncoder",
    "BiGANGenerator",
    "BigGANBlock",
    "BigGANCritic",
    "BigGANGenerator",
    "ConditionalBatchNorm",
    "ConditionalGenerator",
    "DCGANCritic",
    "DCGANGenerator",
    "DownBlock",
    "MLPCritic",
    "MLPGenerator",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "PatchCritic",
    "ProjectionCritic",
    "ResNetCritic",
    "ResNetGenerator",
    "ResidualBlock",
    "SelfModulatedBatchNorm",
    "Translator",
    "UpBlock",
    "VirtualBatch",
    "VirtualBatchNorm",
    "count_parameters",
    "he_",
    "initialize_",
    "orthogonal_",
]

GENERATORS: dict[str, type[nn.Module]] = {
    "mlp": MLPGenerator,
    "dcgan": DCGANGenerator,
    "resnet": ResNetGenerator,
    "biggan": BigGANGenerator,
    "conditional-mlp": ConditionalGenerator,
    "bigan": BiGANGenerator,
}
CRITICS: dict[str, type[nn.Module]] = {
    "mlp": MLPCritic,
    "dcgan": DCGANCritic,
    "resnet": ResNetCritic,
    "biggan": BigGANCritic,
    "projection-mlp": ProjectionCritic,
    "bigan": BiGANCritic,
}
