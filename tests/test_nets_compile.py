"""Networks compile in one graph.  In a process of its own: the shape checks of the other tests cannot be traced."""

import subprocess
import sys

import pytest

PROGRAM = """
import torch
from course_gan import nets
from torch.testing import assert_close

torch.manual_seed(0)
labels = torch.tensor([0, 1, 2, 3])
builds = {builds}
for net in builds:
    net.eval()
    shape = (4, net.latent) if hasattr(net, "latent") else (4, *getattr(net, "shape", (1, 28, 28)))
    x = torch.randn(shape)
    given = (x, labels) if hasattr(net, "classes") else (x,)
    net(*given)
    compiled = torch.compile(net, fullgraph=True, backend={backend!r})
    assert_close(compiled(*given), net(*given), rtol=1e-4, atol=1e-5)
    net.train()
    result = compiled(*given)
    result.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters()), type(net)
print("compiled", len(builds))
"""
BUILDS = {
    "plain": """[
        nets.MLPGenerator(4, (1, 4, 4)), nets.MLPCritic((2,)),
        nets.DCGANGenerator(28, width=4), nets.DCGANCritic(28, width=4), nets.DCGANCritic(28, width=4, norm="none"),
    ]""",
    "others": """[
        nets.DCGANGenerator(28, width=4, norm="self-modulated"), nets.DCGANCritic(28, width=4, norm="spectral"),
        nets.MLPGenerator(4, norm="virtual"), nets.MLPCritic((2,), minibatch="discrimination"),
        nets.MLPCritic((2,), minibatch="std"), nets.ResNetCritic(width=4), nets.BigGANGenerator(width=4),
    ]""",
}


@pytest.mark.parametrize(("builds", "backend", "count"), [("plain", "aot_eager", 5), ("others", "eager", 7)])
def test_networks_compile_in_one_graph(builds: str, backend: str, count: int) -> None:
    program = PROGRAM.format(builds=BUILDS[builds], backend=backend)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"compiled {count}" in done.stdout
