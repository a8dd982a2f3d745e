"""How plain values cross the wall of the box: a head of JSON and raw bytes, both bounded, and never a pickle."""

import json
import os
import select
import struct
import time
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor

SIZES = struct.Struct("<IQ")
MOST_HEAD, MOST_BODY = 1 << 20, 64 << 20
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    )
}
DEEPEST = 16  # lists in lists
MOST_AXES = 16
MOST_ENTRIES = 10_000  # of lists in all; numbers go as one tensor


class Garbled(ValueError):
    """What came through the wall is not a message."""


class Closed(EOFError):
    """The other side is gone."""


@dataclass
class Message:
    """A head of plain JSON values, and the bytes of the tensors that it names."""

    head: dict[str, Any]
    body: bytearray = field(default_factory=bytearray)
    unread: int = 0  # bytes of the body, and
    entries: int = 0  # values in values, that the value which is being read may still have

    def put(self, value: Any) -> Any:
        """A description of the value for the head; the bytes of tensors go into the body.

        `TypeError` for what is no tensor, number, text, truth value, None, nor a tuple or list of such.
        """
        if isinstance(value, Tensor):
            raw = value.detach().to("cpu").contiguous().resolve_conj().resolve_neg()
            data = raw.reshape(-1).view(torch.uint8).numpy().tobytes() if raw.numel() else b""
            start = len(self.body)
            self.body += data
            return {"tensor": [str(value.dtype).removeprefix("torch."), list(value.shape), start, len(data)]}
        if isinstance(value, float | int) and not isinstance(value, bool):
            return {"float": float(value)} if isinstance(value, float) else {"int": int(value)}
        if isinstance(value, tuple | list):
            kind = "tuple" if isinstance(value, tuple) else "list"
            if value and all(type(entry) is float for entry in value):
                return {kind: "numbers", "of": self.put(torch.tensor(value, dtype=torch.float64))}
            return {kind: [self.put(entry) for entry in value]}
        if value is None or isinstance(value, str | bool):
            return {"plain": value}
        raise TypeError(f"an object of type {type(value).__name__} cannot leave the box")

    def get(self, node: Any, depth: int = 0) -> Any:
        """The value that a description stands for; `Garbled` unless it is one, whoever wrote it."""
        if not isinstance(node, dict) or depth > DEEPEST:
            raise Garbled("a value is not described as agreed")
        if depth == 0:
            self.unread, self.entries = len(self.body), MOST_ENTRIES
        self.entries -= 1
        if self.entries < 0:  # each is a tensor of its own when it is judged
            raise Garbled("a value has too many parts")
        if "tensor" in node:
            return self._tensor(node["tensor"])
        for kind in (tuple, list):
            entries = node.get(kind.__name__)
            if entries == "numbers":
                numbers = self.get(node.get("of"), depth + 1)
                if not isinstance(numbers, Tensor) or numbers.dtype != torch.float64:
                    raise Garbled("numbers are not a tensor of them")
                return kind(numbers.reshape(-1).tolist())
            if isinstance(entries, list):
                return kind(self.get(entry, depth + 1) for entry in entries)
        value = next(iter(node.values()), None)
        wanted: dict[str, Any] = {"float": float | int, "int": int, "plain": str | bool | None}
        name = next(iter(node), "")
        if name not in wanted or len(node) != 1 or not isinstance(value, wanted[name]):
            raise Garbled("a value is not described as agreed")
        try:
            return float(value) if name == "float" else value
        except OverflowError:
            raise Garbled("a number is too large") from None

    def _tensor(self, told: Any) -> Tensor:
        if not isinstance(told, list) or len(told) != 4:
            raise Garbled("a tensor is not described as agreed")
        name, shape, start, size = told
        sizes = [*shape, start, size] if isinstance(shape, list) else [None]
        whole = all(type(n) is int and 0 <= n < 1 << 40 for n in sizes)
        if type(name) is not str or name not in DTYPES or not whole or len(shape) > MOST_AXES:
            raise Garbled("a tensor is not described as agreed")
        dtype = DTYPES[name]
        if prod(shape) * dtype.itemsize != size or start + size > len(self.body):
            raise Garbled("a tensor's bytes and its shape do not fit")
        self.unread -= size
        if self.unread < 0:  # or one megabyte, named a thousand times, would fill the memory
            raise Garbled("tensors share their bytes")
        if size == 0:
            if prod(max(n, 1) for n in shape) > MOST_BODY:
                raise Garbled("an empty tensor has a shape that is too large")
            return torch.empty(shape, dtype=dtype)
        raw = bytearray(self.body[start : start + size])
        if dtype == torch.bool:  # any byte may have come, but a truth value is 0 or 1
            return torch.frombuffer(raw, dtype=torch.uint8).ne(0).reshape(shape)
        return torch.frombuffer(raw, dtype=dtype).reshape(shape)


def write(descriptor: int, message: Message, deadline: float | None = None) -> None:
    """Send a message; `Closed` if nobody reads any more, `TimeoutError` if nobody reads in time."""
    head = json.dumps(message.head).encode()
    if len(head) > MOST_HEAD or len(message.body) > MOST_BODY:
        raise ValueError(f"a message of {len(head) + len(message.body):,} bytes is too large for the wall of the box")
    view = memoryview(SIZES.pack(len(head), len(message.body)) + head + message.body)
    while view:
        _wait([], [descriptor], deadline)
        try:
            view = view[os.write(descriptor, view[: 1 << 16]) :]
        except BlockingIOError:
            continue
        except BrokenPipeError:
            raise Closed from None


def read(descriptor: int, deadline: float | None = None) -> Message:
    """The next message; `Closed`, `TimeoutError`, or `Garbled`, whatever the other side sends."""
    head_size, body_size = SIZES.unpack(_read(descriptor, SIZES.size, deadline))
    if head_size > MOST_HEAD or body_size > MOST_BODY:
        raise Garbled("a message is too large")
    raw, body = _read(descriptor, head_size, deadline), _read(descriptor, body_size, deadline)
    try:
        head = json.loads(bytes(raw))
    except (ValueError, RecursionError):
        raise Garbled("a message is no JSON") from None
    if not isinstance(head, dict):
        raise Garbled("a message has no head")
    return Message(head, body)


def _read(descriptor: int, size: int, deadline: float | None) -> bytearray:
    found = bytearray()
    while len(found) < size:
        _wait([descriptor], [], deadline)
        part = os.read(descriptor, min(1 << 20, size - len(found)))
        if not part:
            raise Closed
        found += part
    return found


def _wait(readers: list[int], writers: list[int], deadline: float | None) -> None:
    left = None if deadline is None else deadline - time.monotonic()
    # Late is late even if there is something to read: whoever sends without end would be read without end.
    if (left is not None and left <= 0) or not any(select.select(readers, writers, [], left)):
        raise TimeoutError
