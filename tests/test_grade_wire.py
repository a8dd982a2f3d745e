"""What crosses the wall of the box arrives as it was, and nothing that is no message passes for one."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from course_gan.exercises.answers import MOST_NUMBERS, UnusableAnswer, sendable
from course_gan.grade import wire


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def there_and_back(value: Any) -> Any:
    sent = wire.Message({})
    head = json.loads(json.dumps(sent.put(value)))
    return wire.Message({}, bytearray(bytes(sent.body))).get(head)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        same = one.shape == other.shape and one.dtype == other.dtype
        return bool(same and torch.equal(one.nan_to_num(nan=7.5), other.nan_to_num(nan=7.5)))
    if isinstance(one, tuple | list):
        return type(one) is type(other) and len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


plain = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text(max_size=20)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner), max_leaves=12)


@settings(deadline=None, max_examples=200)
@given(values)
def test_plain_values_arrive_as_they_were(value: Any) -> None:
    assert equal(value, there_and_back(value))


@pytest.mark.parametrize("name", wire.DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 1)])
def test_tensors_of_every_kind_arrive_as_they_were(name: str, shape: tuple[int, ...]) -> None:
    value = (torch.arange(24.0)[: torch.Size(shape).numel()] - 3).reshape(shape).to(wire.DTYPES[name])
    assert equal(value, there_and_back(value))
    assert equal([value.T if value.ndim == 2 else value], there_and_back([value.T if value.ndim == 2 else value]))


def test_nan_and_infinities_arrive() -> None:
    value = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0])
    assert equal(value, there_and_back(value))
    assert equal([float("nan"), float("inf")], there_and_back([float("nan"), float("inf")]))


def test_views_conjugates_and_tensors_with_gradients_arrive() -> None:
    value = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert equal(value[:, ::2], there_and_back(value[:, ::2]))
    assert equal(value.clone().requires_grad_().detach(), there_and_back(value.clone().requires_grad_()))
    complexes = torch.view_as_complex(value.reshape(6, 2)).conj()
    assert torch.equal(complexes.resolve_conj(), there_and_back(complexes))


def test_what_is_no_plain_value_does_not_leave() -> None:
    for value in ({}, object(), {1}, b"x", lambda: 0):
        with pytest.raises(TypeError, match="cannot leave"):
            wire.Message({}).put(value)


NODES: list[Any] = [
    *(None, 3, "x", [], {}, {"other": 1}, {"float": "x"}, {"int": 1.5}, {"plain": []}, {"float": 1, "int": 1}),
    *({"tensor": None}, {"tensor": [1, 2]}, {"tensor": ["float32", [2], 0, 4]}, {"tensor": ["float32", [2], 8, 8]}),
    *({"tensor": ["object", [1], 0, 8]}, {"tensor": ["float64", [-1, -1], 0, 8]}, {"tensor": ["float64", 1, 0, 8]}),
    *({"tensor": ["float64", [True], 0, 8]}, {"tensor": ["float64", [1], -8, 8]}, {"tensor": ["float64", [1.0], 0, 8]}),
    *({"tensor": ["float64", [1] * 65, 0, 8]}, {"tuple": "numbers"}, {"list": "numbers", "of": {"plain": 1}}),
    *({"list": "others"}, {"list": [3]}, {"tensor": ["float64", [2**41, 0], 0, 0]}),
]


@pytest.mark.parametrize("node", NODES, ids=repr)
def test_what_is_not_described_as_agreed_is_refused(node: Any) -> None:
    with pytest.raises(wire.Garbled):
        wire.Message({}, bytearray(8)).get(node)


def test_lists_in_lists_without_end_are_refused() -> None:
    node: Any = {"plain": None}
    for _ in range(wire.DEEPEST + 2):
        node = {"list": [node]}
    with pytest.raises(wire.Garbled):
        wire.Message({}).get(node)


def test_a_truth_value_is_zero_or_one_whatever_byte_came() -> None:
    found = wire.Message({}, bytearray([0, 1, 2, 255])).get({"tensor": ["bool", [4], 0, 4]})
    assert found.tolist() == [False, True, True, True]
    assert found.view(torch.uint8).tolist() == [0, 1, 1, 1]


def test_a_message_goes_through_a_pipe(pipe: tuple[int, int]) -> None:
    message = wire.Message({"do": "call"})
    message.head["inputs"] = message.put([torch.arange(5.0), 3])
    wire.write(pipe[1], message, time.monotonic() + 5)
    found = wire.read(pipe[0], time.monotonic() + 5)
    assert found.head["do"] == "call"
    assert equal(found.get(found.head["inputs"]), [torch.arange(5.0), 3])


@pytest.mark.parametrize(
    "sent",
    [
        wire.SIZES.pack(4, 0) + b"nope",
        wire.SIZES.pack(2, 0) + b"[]",
        wire.SIZES.pack(wire.MOST_HEAD + 1, 0),
        wire.SIZES.pack(2, wire.MOST_BODY + 1),
        wire.SIZES.pack(100_000, 0) + b"[" * 100_000,
        wire.SIZES.pack(1, 0) + b"\xff",
    ],
    ids=["no json", "a list", "large head", "large body", "deep", "no text"],
)
def test_garbage_is_told_from_a_message(pipe: tuple[int, int], sent: bytes) -> None:
    os.set_blocking(pipe[1], False)
    assert os.write(pipe[1], sent[:65_536]) > 0
    if len(sent) > 65_536:
        os.read(pipe[0], 0)
        import threading

        os.set_blocking(pipe[1], True)
        threading.Thread(target=os.write, args=(pipe[1], sent[65_536:]), daemon=True).start()
    with pytest.raises(wire.Garbled):
        wire.read(pipe[0], time.monotonic() + 5)


def test_silence_and_a_closed_pipe_are_told_apart(pipe: tuple[int, int]) -> None:
    with pytest.raises(TimeoutError):
        wire.read(pipe[0], time.monotonic())
    os.write(pipe[1], wire.SIZES.pack(10, 0))
    with pytest.raises(TimeoutError):
        wire.read(pipe[0], time.monotonic())
    os.close(pipe[1])
    with pytest.raises(wire.Closed):
        wire.read(pipe[0], time.monotonic() + 5)


def test_a_reader_that_does_not_read_does_not_stop_the_writer(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    with pytest.raises(TimeoutError):
        wire.write(pipe[1], wire.Message({}, bytearray(1 << 20)), time.monotonic() + 0.05)
    os.close(pipe[0])
    with pytest.raises(wire.Closed):
        wire.write(pipe[1], wire.Message({}), time.monotonic() + 5)


def test_a_message_that_is_too_large_is_not_sent(pipe: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="too large"):
        wire.write(pipe[1], wire.Message({"x": "y" * wire.MOST_HEAD}))


def test_answers_are_made_sendable_without_losing_their_kind() -> None:
    import numpy as np

    assert sendable(3) == 3.0
    assert sendable(None) is None
    assert sendable(True) is True
    assert sendable(np.float32(0.5)).dtype == torch.float32
    assert sendable(np.arange(3)).dtype == torch.float64
    assert sendable((torch.ones(2, dtype=torch.float16), [1, 2.0]))[0].dtype == torch.float16
    assert isinstance(sendable([1.0]), list)
    assert sendable(torch.eye(2).to_sparse()).layout == torch.strided


@pytest.mark.parametrize(
    "answer",
    [
        *("text", {}, object(), lambda: 0, 10**400, [object()], torch.zeros(MOST_NUMBERS + 1), (x for x in ())),
        *(torch.zeros(2, 2).max(-1), [0.0] * (MOST_NUMBERS + 1)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_that_are_no_numbers_are_refused_before_they_are_sent(answer: Any) -> None:
    with pytest.raises(UnusableAnswer, match="It returned"):
        sendable(answer)


def refused(node: Any, body: bytes = b"") -> bool:
    with pytest.raises(wire.Garbled):
        wire.Message({}, bytearray(body)).get(node)
    return True


@pytest.mark.parametrize(
    "node",
    [
        {"float": 10**400},
        {"tensor": [[], [1], 0, 8]},
        {"tensor": [{"a": 1}, [1], 0, 8]},
        {"tensor": ["float64", [0, 1 << 39, 1 << 39], 0, 0]},
        {"tensor": ["float64", [1] * 40, 0, 8]},
        {"list": "numbers", "of": {"tensor": ["uint8", [8], 0, 8]}},
        {"list": [{"tuple": []}] * (wire.MOST_ENTRIES + 1)},
    ],
    ids=[
        "float of 400 digits",
        "dtype a list",
        "dtype a dict",
        "empty but huge",
        "40 axes",
        "bytes as numbers",
        "parts",
    ],
)
def test_a_value_that_would_break_its_reader_is_garbled(node: Any) -> None:
    assert refused(node, bytes(8))


def test_bytes_that_are_sent_once_are_read_once() -> None:
    whole = {"tensor": ["uint8", [1000], 0, 1000]}
    assert refused({"list": [whole, whole]}, bytes(1000))
    twice = wire.Message({}, bytearray(1000))
    assert equal(twice.get(whole), twice.get(whole))  # each question may be read again


def test_late_is_late_even_if_there_is_something_to_read(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    wire.write(writer, wire.Message({"running": 1}))
    with pytest.raises(TimeoutError):
        wire.read(reader, time.monotonic() - 1)
