"""Several processes: the mean of two ranks' gradients is the gradient of the joined batch, whatever the loss.

Two processes are started once for this module; they run all cases of distributed_worker.py and save what came out.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_gan.train import distributed
from tests import distributed_worker as worker

ROOT = Path(__file__).parents[1]


def start_two(folder: Path) -> list[str]:
    """Run the worker twice, as torchrun would on two machines with one process each; what each wrote to stderr."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = os.environ | {
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(path for path in (os.environ.get("PYTHONPATH"), str(ROOT)) if path),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", worker.__file__, str(folder)],
            env=environment | {"RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        return [process.communicate(timeout=300)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("ranks")
    for _ in range(3):  # another program may take the free port before rank 0 does
        errors = start_two(folder)
        if not any("EADDRINUSE" in error for error in errors):
            break
    files = [folder / f"cpu-{rank}.pt" for rank in range(2)]
    assert all(file.exists() for file in files), "\n".join(errors)
    return [torch.load(file, weights_only=True) for file in files]


def joined(name: str, every: int, backwards: int) -> list[list[torch.Tensor]]:
    return worker.gradients(name, every, backwards, slice(0, worker.ROWS), lambda parameters: None)


# ---------------------------------------------------------------- the gradient of the joined batch


@pytest.mark.parametrize("case", worker.CASES, ids=lambda case: f"{case[0]} every {case[1]}, {case[2]} backward")
def test_two_processes_give_the_gradient_of_the_joined_batch(
    ranks: list[dict[str, Any]], case: tuple[str, int, int]
) -> None:
    expected = joined(*case)
    for result in ranks:
        # Sums in another order: a few roundings of float64, which four steps of training do not amplify much.
        assert_close(result["gradients"][case], expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", worker.PENALTIES)
def test_the_cases_depend_on_the_penalty_and_on_how_often(ranks: list[dict[str, Any]], name: str) -> None:
    def first_weight(case: tuple[str, int, int], step: int) -> torch.Tensor:
        return ranks[0]["gradients"][case][step][0]

    lazy, applied = first_weight((name, 3, 1), 0), first_weight((name, 1, 1), 0)
    assert (lazy - applied).abs().max() > 0.01  # three times the weight at step 0 is another gradient
    others = [first_weight((other, 1, 1), 0) for other in worker.PENALTIES if other != name]
    assert all((other - applied).abs().max() > 1e-3 for other in others)


def test_both_ranks_get_bitwise_the_same_gradient(ranks: list[dict[str, Any]]) -> None:
    assert_close(ranks[0]["gradients"], ranks[1]["gradients"], rtol=0, atol=0)


def test_the_gradient_of_a_rank_alone_is_another_one() -> None:
    half = worker.gradients("r1", 1, 1, slice(0, worker.ROWS // 2), lambda parameters: None)
    assert (half[0][0] - joined("r1", 1, 1)[0][0]).abs().max() > 1e-3


def test_one_sync_is_one_message(ranks: list[dict[str, Any]]) -> None:
    assert ranks[0]["messages"] == 1


def test_a_gradient_that_is_missing_counts_as_zeros_or_stays_missing(ranks: list[dict[str, Any]]) -> None:
    for result in ranks:
        both, second, none, half, frozen = result["missing"]
        assert_close(both, 1.5 * torch.arange(96.0).reshape(2, 3, 4, 4), check_stride=False)
        assert both.is_contiguous(memory_format=torch.channels_last)
        assert_close(second, torch.tensor([0.5, 1.0, 1.5]))
        assert none is None
        assert_close(half, torch.tensor([2.0], dtype=torch.bfloat16))
        assert frozen is None


# ---------------------------------------------------------------- DistributedDataParallel, for comparison


def single_step() -> list[torch.Tensor]:
    """What one process gets for the loss of `through_ddp`, from our own penalty."""
    module = worker.critic(0).eval()
    real, fake = worker.batch(0)
    penalty = worker.PENALTIES["gradient-penalty"](module, real, fake, worker.alphas(0, 0))
    (module(fake).mean() - module(real).mean() + worker.WEIGHT * penalty).backward()
    return [parameter.grad for parameter in module.parameters()]


def test_ddp_is_right_with_a_single_backward_pass(ranks: list[dict[str, Any]]) -> None:
    for result in ranks:
        assert_close(result["ddp"], single_step(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("way", ["ddp, static graph", "ddp, two backward passes"])
def test_ddp_is_silently_wrong_with_a_static_graph_or_two_backward_passes(
    ranks: list[dict[str, Any]], way: str
) -> None:
    right = torch.cat([gradient.flatten() for gradient in single_step()])
    first, second = (torch.cat([gradient.flatten() for gradient in result[way]]) for result in ranks)
    assert (first - second).norm() > 0.01 * right.norm()  # the ranks drift apart, without an error
    assert (first - right).norm() > 0.01 * right.norm()
    assert (second - right).norm() > 0.01 * right.norm()


# ---------------------------------------------------------------- start, broadcast, consistency


def test_trap_local_rank(ranks: list[dict[str, Any]]) -> None:
    """Both processes have LOCAL_RANK 0, as on two machines: shards by the local rank would be the same rows twice."""
    assert [result["identity"] for result in ranks] == [(0, 2, "cpu"), (1, 2, "cpu")]


def test_broadcast_gives_all_ranks_the_parameters_and_buffers_of_the_first(ranks: list[dict[str, Any]]) -> None:
    first, second = (result["broadcast"] for result in ranks)
    assert_close(first["after"], first["before"], rtol=0, atol=0)
    assert_close(second["after"], first["before"], rtol=0, atol=0)
    for mine, theirs in zip(first["before"], second["before"]):
        for name in set(mine) - {"num_batches_tracked", "weight", "bias"}:  # these start alike in a batch norm
            assert not torch.equal(mine[name], theirs[name]), name
    assert second["kept memory format"]


def test_assert_same_raises_on_every_rank_and_says_what_differs(ranks: list[dict[str, Any]]) -> None:
    for result in ranks:
        same, value, number = result["refusals"]
        assert same == ""
        assert value.startswith("rank 1 does not hold the tensors of rank 0: tensor 1 and 0 more differ")
        assert "their number differs" in number


# ---------------------------------------------------------------- the same in threads, where shapes are checked


class TwoThreads:
    """Two ranks as threads of this process: the collective calls of torch.distributed that the module uses."""

    def __init__(self) -> None:
        self.barrier, self.local, self.given = threading.Barrier(2, timeout=10), threading.local(), [None, None]

    def exchange(self, value: Any) -> list[Any]:
        """What each rank gives, known to both."""
        self.given[self.local.rank] = value
        self.barrier.wait()
        both = list(self.given)
        self.barrier.wait()
        return both

    def all_reduce(self, tensor: torch.Tensor) -> None:
        first, second = self.exchange(tensor.clone())
        tensor.copy_(first + second)

    def broadcast(self, tensor: torch.Tensor, src: int) -> None:
        tensor.copy_(self.exchange(tensor.clone())[src])

    def all_gather_object(self, results: list[Any], value: Any) -> None:
        results[:] = self.exchange(value)

    def run(self, function: Callable[[], Any]) -> list[Any]:
        """What the function returns, or the error it raises, on each rank."""
        results: list[Any] = [None, None]

        def one(rank: int) -> None:
            self.local.rank = rank
            try:
                results[rank] = function()
            except Exception as error:
                results[rank] = error

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> TwoThreads:
    threads = TwoThreads()
    for name in ("all_reduce", "broadcast", "all_gather_object"):
        monkeypatch.setattr(torch.distributed, name, getattr(threads, name))
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: threads.local.rank)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(worker, "rank", distributed.rank)
    return threads


def test_threads_and_processes_agree(threads: TwoThreads, ranks: list[dict[str, Any]]) -> None:
    assert_close(threads.run(worker.missing_gradients), [result["missing"] for result in ranks])
    assert threads.run(worker.refusals) == [result["refusals"] for result in ranks]
    for mine, theirs in zip(threads.run(worker.broadcasts), ranks):
        assert_close(mine["after"], theirs["broadcast"]["after"])


def test_an_empty_list_of_parameters_or_buffers_is_fine(threads: TwoThreads) -> None:
    def nothing() -> str:
        distributed.broadcast_([])
        distributed.sync_gradients([])
        distributed.assert_same([])
        return "done"

    assert threads.run(nothing) == ["done", "done"]


def test_nan_reaches_all_ranks(threads: TwoThreads) -> None:
    """A NaN has to stop all of them: a rank that does not see it would wait for the others without end."""

    def gradient() -> torch.Tensor:
        weight = nn.Parameter(torch.ones(2))
        weight.grad = torch.tensor([1.0, float("nan") if threads.local.rank else 1.0])
        distributed.sync_gradients([weight])
        return weight.grad

    for result in threads.run(gradient):
        assert_close(result, torch.tensor([1.0, float("nan")]), equal_nan=True)


# ---------------------------------------------------------------- one process


def test_with_one_process_nothing_happens() -> None:
    module = nn.Linear(2, 1)
    before = module.weight.detach().clone()
    module.weight.grad = torch.ones(1, 2)
    assert (distributed.rank(), distributed.world()) == (0, 1)
    distributed.broadcast_(module)
    distributed.sync_gradients(module.parameters())
    distributed.assert_same(module.parameters())
    distributed.cleanup()
    assert_close(module.weight.detach(), before, rtol=0, atol=0)
    assert_close(module.weight.grad, torch.ones(1, 2), rtol=0, atol=0)
    assert module.bias.grad is None


def test_setup_without_torchrun_only_returns_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert distributed.setup() == torch.device("cpu")
    assert distributed.world() == 1


def test_setup_takes_the_gpu_of_the_local_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert distributed.setup() == torch.device("cuda", 3)
    assert taken == [torch.device("cuda", 3)]
    assert distributed.setup("gloo") == torch.device("cpu")


def test_setup_with_half_an_environment_says_how_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    for name in ("LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=r"not set: LOCAL_RANK, MASTER_ADDR, MASTER_PORT.*torchrun --nproc-per-node"):
        distributed.setup("gloo")


def test_setup_called_again_joins_no_second_group(threads: TwoThreads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert threads.run(lambda: distributed.setup("gloo")) == [torch.device("cpu"), torch.device("cpu")]


def test_setup_and_cleanup_call_torch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "2" if name == "WORLD_SIZE" else "0")
    monkeypatch.setattr(torch.distributed, "init_process_group", calls.append)
    distributed.setup("gloo")
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: calls.append("destroyed"))
    distributed.cleanup()
    assert calls == ["gloo", "destroyed"]
