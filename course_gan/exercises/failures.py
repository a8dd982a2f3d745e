"""What to tell a learner whose function could not be called, or raised."""

import dis
import inspect
import linecache
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

NOTHING_RETURNED = "Your function returned nothing (None).  Did you forget `return`?"
YIELDS = "Your function contains `yield`, so calling it runs nothing.  Use `return`."
ASYNC = "Your function is `async`, so calling it runs nothing.  Write a plain `def`."

# What Python and torch say, and what it mostly means here.
HINTS = (
    (
        ("converted to Scalar", "only one element tensors", "only length-1 arrays", "only 0-dimensional arrays"),
        "`float()`, `.item()` and the functions of `math` want one number, and here there are many; those of `torch` "
        "take a whole tensor (`torch.log`), and a tensor may be returned as it is.",
    ),
    (
        ("Boolean value of Tensor", "truth value of an array"),
        "`if` needs one truth value; choose entry by entry with `torch.where(condition, a, b)`.",
    ),
    (
        ("must be Tensor, not float", "must be Tensor, not int"),
        "Functions of `torch` take tensors: turn a number into one with `torch.tensor(...)`, or use `math`.",
    ),
    (
        ("must match the size", "shapes cannot be multiplied", "not broadcastable"),
        "Print the shapes of both sides; a sum over an axis that must be kept wants `keepdim=True`.",
    ),
    (
        ("Dimension out of range", "IndexError: too many indices"),
        "The inputs may have any number of axes: count from the last one, `dim=-1`.",
    ),
    (
        ("does not require grad", "appears to not have been used in the graph"),
        "The gradient does not reach what is to be differentiated: was something computed under `torch.no_grad()`, "
        "detached, or frozen by `requires_grad_(False)` and not thawed?",
    ),
    (
        ("implicitly created only for scalar",),
        "`backward()` starts from one number: take the mean (or the sum) of the losses first.",
    ),
    (
        ("second time",),
        "A graph is used up by one `backward()`: add the losses and call it once, or compute the scores anew.",
    ),
    (
        ("modified by an inplace operation",),
        "Weights were changed after the forward pass that this `backward()` belongs to: compute the scores anew after "
        "each `step()`.",
    ),
    (
        ("leaf Variable that requires grad",),
        "Weights are changed by `optimizer.step()`, or by hand under `torch.no_grad()`.",
    ),
    (
        ("Sizes of tensors must match except",),
        "`cat` joins along one axis, and all other axes must be equal: print the shapes, and look which axis it is.",
    ),
    (
        ("all elements of input should be between 0 and 1",),
        "`binary_cross_entropy` wants probabilities; for raw scores there is `binary_cross_entropy_with_logits`.",
    ),
    (
        ("on Tensor that requires grad",),
        "Take the values out of the graph with `.detach()` before NumPy or `float` sees them.",
    ),
    (
        ("object is not callable",),
        "Something was called that is no function: where a function is to be returned, return it without calling it "
        "(`lambda u: …`); and a product wants its `*`.",
    ),
    (("maximum recursion depth",), "Does your function call itself?"),
    (("bitwise_xor", "operand type(s) for ^"), "A power is written `**`; `^` compares bits."),
    (
        ("return_types",),
        "Some functions give two things: `max(-1)` and `sort` values and places, `slogdet` a sign and a logarithm: "
        "take the one that you need by its name, `.values` or `.logabsdet`; for the values alone use `amax`, `amin`.",
    ),
    (("builtin_function_or_method", "'method'"), "Are the parentheses of a call missing, as in `.log()`?"),
    (("math range error",), "The exponential of more than 709 does not fit into a float: subtract the largest first."),
    (
        ("math domain error", "expected a positive input", "division by zero"),
        "Is an entry zero here?  Python's own numbers raise where tensors give inf or NaN: treat zeros apart.",
    ),
    (
        ("raw_input", "EOFError", "reading from stdin"),
        "What the function needs comes as its arguments: leave `input()` out.",
    ),
    (("'list' and",), "The list of a batch holds lists: loop over its rows too, or use whole tensors."),
    (
        ("desired output type Long",),
        "Whole numbers cannot hold fractions: make a new tensor, `x = x / n`, not in place.",
    ),
)


def unfit_for_call(function: Any, name: str, wanted: Sequence[str]) -> str:
    """A message if the function cannot take the inputs of these names or would not run when called; otherwise empty."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return YIELDS
    if inspect.iscoroutinefunction(function):
        return ASYNC
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a built-in function: let the call decide
        return ""
    try:
        signature.bind(*range(len(wanted)))
    except TypeError:
        return (
            f"Your function takes the parameters {signature}, but it is called with {len(wanted)}: "
            f"{name}({', '.join(wanted)}).  Keep the first line as it was given."
        )
    return ""


def is_stub(error: BaseException, function: Any) -> bool:
    """Whether the learner's own function raised NotImplementedError by a `raise`: torch raises it for other reasons."""
    frames = list(traceback.walk_tb(error.__traceback__))
    code, (frame, _) = _code(function), frames[-1]
    own = frame.f_code is code if code is not None else frame.f_code.co_name in ("__call__", "forward")
    return own and _is_raise(error)


def _is_raise(error: BaseException) -> bool:
    """Whether a `raise NotImplementedError` in Python is behind it, and no subclass, which libraries have."""
    trace = error.__traceback__ if type(error) is NotImplementedError else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _code(function: Any) -> Any:
    return getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None


def explain(error: BaseException, function: Any) -> str:
    """The error, the line of the learner's code that led to it, and what it mostly means."""
    kind = type(error).__name__
    text = _shortened(error)
    if isinstance(error, SystemExit):
        text = "a function must not end the program; use `return`"
    lines = [f"Your function raised {kind}: {text}" if text else f"Your function raised {kind}."]
    where = _line(error.__traceback__, function)
    if where:
        lines.append(f"    line {where[0]} of the cell:  {where[1]}")
    said = f"{kind}: {text}"
    if _is_raise(error) and not is_stub(error, function):
        name = list(traceback.walk_tb(error.__traceback__))[-1][0].f_code.co_name
        lines.append(f"It calls `{name}`, which is not written yet: write that one first.")
    lines.extend(hint for signs, hint in HINTS if any(sign in said for sign in signs))
    return "\n\n".join(lines)


def _shortened(error: BaseException, most: int = 300) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # a learner's exception class can fail at being printed
        return "(the error cannot be shown as text)"
    return text if len(text) <= most else text[:most] + " …"


def _line(trace: TracebackType | None, function: Any) -> tuple[int, str] | None:
    """Number and text of the innermost line in the learner's own file (in a notebook: the learner's own cell)."""
    code = _code(function)
    frames = [(f.f_code.co_filename, number) for f, number in traceback.walk_tb(trace)]
    own = [(name, number) for name, number in frames if code is not None and name == code.co_filename]
    if not own:
        return None
    name, number = own[-1]
    text = linecache.getline(name, number).strip()
    return (number, text if len(text) <= 100 else text[:100] + " …") if text else None
