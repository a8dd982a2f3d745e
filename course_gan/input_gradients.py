r"""The gradient of a critic's score with respect to the sample it scores: what the penalties are made of.

Where the critic or the loss is compiled, or transformed by `torch.func`, it is taken by `torch.func.grad`, so that the
whole loss is one graph (`fullgraph=True`).  Elsewhere `autograd.grad` gives the same numbers and saves the third of a
millisecond that a transform costs at each call: much, beside a small critic.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.modules.batchnorm import _BatchNorm

from course_gan.inputs import at_least_single, require_tensor
from course_gan.piecewise import constant_slopes

__all__ = ["Critic", "gradient_norms", "input_gradients", "require_samples", "row_norms"]

Critic: TypeAlias = Callable[[Tensor], Tensor]

# Asked here and not at each call, as torch 2.11 cannot compile the question.
AUTOCASTING = frozenset(filter(torch.amp.is_autocast_available, ("cpu", "cuda", "mps", "xpu")))


def input_gradients(critic: Critic, x: Float[Tensor, "n *event"]) -> Float[Tensor, "n entries"]:
    r"""The gradients $\nabla_x D(x_i)$ of all samples, one row each, with a graph to the critic's weights.

    `x` is detached.  A sample's score is the sum of what the critic returns for it, (n,), (n, 1) or (n, 1, h, w).
    Under autocast this computes in float32, outside of it.

    >>> input_gradients(lambda x: x.square().sum(1) / 2, torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[3., 4.],
            [0., 1.]])
    """
    x = require_samples("x", x)
    modules = list(_modules_in(critic))
    _refuse_batch_norm(modules)

    def total(points: Tensor) -> Tensor:
        # The sum over the batch: as no score depends on another sample, its gradient holds every sample's own.
        return at_least_single(_require_scores(critic(points), len(x))).sum()

    kind = x.device.type
    autocast = kind in AUTOCASTING and torch.is_autocast_enabled(kind)
    outside: AbstractContextManager[object] = torch.autocast(kind, enabled=False) if autocast else nullcontext()
    try:
        with outside:
            gradients = _gradient(total, at_least_single(x) if autocast else x, _is_compiled(critic, modules))
    except RuntimeError as error:
        if "mutate a captured Tensor" not in str(error):
            raise
        # Within a transform, a batch norm that nobody could see shows itself by counting its batches.
        raise ValueError(f"the critic changes one of its buffers when called; {BATCH_NORM_ADVICE}") from error
    return gradients.reshape(len(x), -1)


def _gradient(total: Callable[[Tensor], Tensor], points: Tensor, compiled: bool) -> Tensor:
    """The gradient of a scalar function, with a graph to whatever else the function depends on."""
    if not compiled:
        if torch.is_inference_mode_enabled() or points.is_inference():
            with torch.inference_mode(False):  # inference mode records nothing, and the gradient would read 0
                return _gradient(total, points.clone(), compiled)
        try:
            leaf = points.detach().requires_grad_()
        except RuntimeError:  # within a transform of torch.func no tensor may ask for its gradient: transform again
            pass
        else:
            return _gradient_at(leaf, total)
    transformed: Tensor = torch.func.grad(lambda points: total(points.clone()))(points)  # see IN_PLACE
    return transformed


def _gradient_at(leaf: Tensor, total: Callable[[Tensor], Tensor]) -> Tensor:
    """The same by `autograd.grad`, at a leaf of the graph."""
    graph = torch.is_grad_enabled()
    with torch.enable_grad(), constant_slopes():
        try:
            value = total(leaf)
        except RuntimeError as error:
            if IN_PLACE not in str(error):
                raise
            value = total(leaf.clone())
    if not value.requires_grad:  # a constant function
        return torch.zeros_like(leaf)
    for node in _nodes(value.grad_fn):
        name = node.name()
        if "BatchNorm" in name and _mixes_samples(node) and _reaches(node, leaf):
            raise ValueError(f"the critic normalizes by the statistics of the batch; {BATCH_NORM_ADVICE}")
        # Compiled code that could not be seen from outside.  This calls the critic a second time.
        if name == "CompiledFunctionBackward" and _reaches(node, leaf):
            return _gradient(total, leaf.detach(), compiled=True)
    (gradient,) = torch.autograd.grad(value, leaf, create_graph=graph, materialize_grads=True)
    return gradient


def _nodes(last: Node | None) -> Iterator[Node]:
    """All operations of a graph, from the last one back."""
    waiting, seen = [last], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting.extend(before for before, _ in node.next_functions)


def _reaches(node: Node, leaf: Tensor) -> bool:
    return any(getattr(before, "variable", None) is leaf for before in _nodes(node))


def _mixes_samples(node: Node) -> bool:
    """Whether a batch norm takes its statistics from many samples; instance norm is one over a single row."""
    return bool(getattr(node, "_saved_training", False)) and len(getattr(node, "_saved_input", "")) > 1


def gradient_norms(critic: Critic, x: Float[Tensor, "n *event"]) -> Float[Tensor, " n"]:
    r"""The slope of the critic at each sample, $\|\nabla_x D(x_i)\|_2$ over all entries of the sample, with a graph.

    The largest of many is a lower bound of the critic's Lipschitz constant.

    >>> gradient_norms(lambda x: x.square().sum(1) / 2, torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([5., 0.])
    """
    gradients = input_gradients(critic, require_samples("x", x))
    return row_norms(gradients).to(gradients.dtype)


def row_norms(gradients: Tensor) -> Tensor:
    """The norm of each row, in float32 at least, with derivative 0 where a row is 0."""
    # The root of a sum of squares has derivative NaN there; an epsilon inside the root would pull every norm instead.
    norms: Tensor = torch.linalg.vector_norm(at_least_single(gradients), dim=1)
    return norms


def require_samples(name: str, value: object) -> Tensor:
    """Return `value` detached, if it is a batch of samples: floating point, at least one of them."""
    value = require_tensor(name, value)
    if value.ndim == 0:
        raise ValueError(f"{name} is a single number; wanted a batch of samples, (n, ...). Pass {name}[None].")
    return value.detach()


def _require_scores(scores: object, samples: int) -> Tensor:
    """Return the critic's `scores` if there is at least one for each of the `samples`."""
    if not isinstance(scores, Tensor):
        raise TypeError(
            f"the critic returned a {type(scores).__name__}; wanted a tensor of scores. "
            "Pass a function that picks them, such as lambda x: critic(x)[0]."
        )
    if scores.ndim == 0 or len(scores) != samples:
        raise ValueError(
            f"the critic returned scores of shape {tuple(scores.shape)} for {samples} samples; wanted ({samples},), "
            f"({samples}, 1), or patches ({samples}, 1, h, w). Leave the mean over the batch to the penalty."
        )
    return scores


# What a critic that begins in place, with nn.LeakyReLU(0.2, inplace=True) say, makes of a leaf; it is to get a copy.
IN_PLACE = "leaf Variable that requires grad is being used in an in-place operation"
BATCH_NORM_ADVICE = (
    "wanted a critic in which no sample sees the others. Batch normalization in training mode mixes them, so that a "
    "sample has no gradient of its own: use layer or instance normalization, or none, or call critic.eval()."
)


def _refuse_batch_norm(modules: list[tuple[str, nn.Module]]) -> None:
    """Raise if one of the modules normalizes by the statistics of the batch."""
    for name, module in modules:
        if isinstance(module, _BatchNorm) and (module.training or not module.track_running_stats):
            raise ValueError(f"the critic contains {name or 'only'} {module}; {BATCH_NORM_ADVICE}")


def _is_compiled(critic: object, modules: list[tuple[str, nn.Module]]) -> bool:
    """Whether this is being compiled, or the critic was: compiled code has no second derivative in plain autograd."""
    return (
        torch.compiler.is_compiling()
        or hasattr(critic, "_torchdynamo_orig_callable")
        or any("_orig_mod" in module._modules or module._compiled_call_impl is not None for _, module in modules)
    )


def _modules_in(critic: object) -> Iterator[tuple[str, nn.Module]]:
    """All modules of a module by name, or of those that a function such as `lambda x: critic(x, labels)` names."""
    if isinstance(critic, nn.Module):
        yield from critic.named_modules()
    elif isinstance(critic, partial):
        yield from _modules_in(critic.func)
    elif isinstance(critic, MethodType):
        yield from _modules_in(critic.__self__)
    elif isinstance(critic, FunctionType) and not torch.compiler.is_compiling():
        names = critic.__code__.co_names
        cells = [cell for cell in critic.__closure__ or () if cell != CellType()]  # an empty one has no contents
        for value in (*(cell.cell_contents for cell in cells), *map(critic.__globals__.get, names)):
            if isinstance(value, nn.Module):
                # `self.critic(x, labels)` calls one child of `self`, which may have a generator, too.
                called = [child for name, child in value.named_children() if name in names] or [value]
                for module in called:
                    yield from module.named_modules()
