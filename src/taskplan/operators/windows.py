"""What operators on images share: how programs spell windows, where these lie, and the order of axes.

A window has a kernel, a stride, a dilation and pads, each a number for every spatial axis. Programs give them in three
ways, of which they choose one for each: ``kernel=3`` for all axes, ``kernel_h=3, kernel_w=5`` for the two of an image,
``kernels=[3, 5, 5]`` for any number of axes. `windowed` makes keywords of all these, and the function that it decorates
gets one `Window`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import Size
from taskplan.operators.operands import Tensor, argument_error, require_least_rank

ORDERS = ("NCHW", "NHWC")

Numbers = int | tuple[int, ...]
"""One number for all spatial axes, or one for each."""


# --- how they are spelled --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spelling:
    """The arguments that give one property of a window.

    Attributes:
        single: gives the same number to all axes; at `default` it counts as not given.
        parts: give the numbers of an image's two axes, all of them or none.
        listed: gives a number for each axis; of pads, those at the heads of all axes and then those at their tails.
        default: what holds if nothing is given.
        least: the least legal number.
    """

    single: str
    parts: tuple[str, ...]
    listed: str
    default: int
    least: int

    def parameters(self) -> list[inspect.Parameter]:
        """The keywords, as an operator declares them."""
        made = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
        return [
            made(self.single, default=self.default, annotation=int),
            *(made(part, default=None, annotation=int | None) for part in self.parts),
            made(self.listed, default=(), annotation=Sequence[int]),
        ]

    def read(self, arguments: Mapping[str, Any]) -> Numbers:
        """The numbers that legal arguments give; a list if they are not those of all axes."""
        if listed := arguments.get(self.listed):
            return tuple(listed)
        parts = tuple(arguments.get(part) for part in self.parts)
        if None not in parts:
            return parts  # type: ignore[return-value] # none of them is None
        single: int = arguments.get(self.single, self.default)
        return single

    def check(self, operator: str, arguments: Mapping[str, Any]) -> str:
        """The argument that gives the numbers, the first one if there are several.

        Raises:
            ArgumentError: two ways are mixed, one is incomplete, or a number is too small.
        """
        parts = [part for part in self.parts if arguments[part] is not None]
        given: dict[str, tuple[int, ...]] = {part: (arguments[part],) for part in parts}
        if arguments[self.single] != self.default:
            given = {self.single: (arguments[self.single],), **given}
        if arguments[self.listed]:
            given[self.listed] = tuple(arguments[self.listed])
        ways = [argument for argument in given if argument not in parts[1:]]
        if len(ways) > 1:
            raise argument_error(operator, ways[1], f"does not go with {ways[0]!r}; give one of them")
        for part in self.parts if parts else ():
            if part not in parts:
                raise argument_error(operator, part, f"is needed beside {parts[0]!r}")
        for argument, numbers in given.items():
            if min(numbers) < self.least:
                shown = list(numbers) if argument == self.listed else numbers[0]
                raise argument_error(operator, argument, f"must be {self.least} or more, got {shown}")
        return ways[0] if ways else self.single


KERNEL = Spelling("kernel", ("kernel_h", "kernel_w"), "kernels", default=0, least=1)
STRIDE = Spelling("stride", ("stride_h", "stride_w"), "strides", default=1, least=1)
DILATION = Spelling("dilation", ("dilation_h", "dilation_w"), "dilations", default=1, least=1)
PAD = Spelling("pad", ("pad_t", "pad_l", "pad_b", "pad_r"), "pads", default=0, least=0)
ADJ = Spelling("adj", ("adj_h", "adj_w"), "adjs", default=0, least=0)


# --- where they lie --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A window along one axis: `kernel` cells that are `dilation` apart, moved by `stride` between `head` and `tail`.

    `adj` is what a transposed convolution adds at the end.
    """

    kernel: int
    stride: int
    dilation: int
    head: int
    tail: int
    adj: int

    @property
    def extent(self) -> int:
        """From the first cell to the last."""
        return self.dilation * (self.kernel - 1) + 1

    def places(self, size: Size) -> Size:
        """How many windows lie on an axis of that size; none or less if not even one does."""
        return None if size is None else (size + self.head + self.tail - self.extent) // self.stride + 1

    def covered(self, places: Size) -> Size:
        """The size of an axis that this many windows cover, less the pads."""
        return None if places is None else (places - 1) * self.stride + self.extent + self.adj - self.head - self.tail

    def padded(self, size: Size) -> Size:
        """The size of an axis with its pads."""
        return None if size is None else size + self.head + self.tail

    def steps(self, cell: int, places: int) -> slice:
        """Where a cell of the window lies, as the window moves over a padded axis."""
        begin = cell * self.dilation
        return slice(begin, begin + (places - 1) * self.stride + 1, self.stride)


@dataclass(frozen=True, slots=True)
class Window:
    """A window as an operator's arguments give it, and the order of the axes of what it moves over."""

    kernel: Numbers
    stride: Numbers
    dilation: Numbers
    heads: Numbers
    tails: Numbers
    adj: Numbers
    order: str

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Window:
        """The window that legal arguments give."""
        pads = PAD.read(arguments)
        middle = len(pads) // 2 if isinstance(pads, tuple) else 0
        heads, tails = (pads[:middle], pads[middle:]) if isinstance(pads, tuple) else (pads, pads)
        kernel, stride, dilation, adj = (each.read(arguments) for each in (KERNEL, STRIDE, DILATION, ADJ))
        return cls(kernel, stride, dilation, heads, tails, adj, arguments.get("order", "NCHW"))

    def _properties(self) -> tuple[Numbers, ...]:
        return self.kernel, self.stride, self.dilation, self.heads, self.tails, self.adj

    def counts(self) -> set[int]:
        """For how many axes there are numbers: one count, or none if they are the same for all axes."""
        return {len(each) for each in self._properties() if isinstance(each, tuple)}

    def spans(self, axes: int) -> tuple[Span, ...]:
        """The window along each spatial axis.

        Raises:
            ValueError: it has another number of axes.
        """
        if self.counts() - {axes}:
            msg = f"the window does not have {axes} axes"
            raise ValueError(msg)
        lists = (each if isinstance(each, tuple) else (each,) * axes for each in self._properties())
        return tuple(map(Span, *lists))

    def resized(self, shape: Sequence[Size], resize: Callable[[Span, Size], Size]) -> list[Size]:
        """The sizes of the spatial axes of that shape, each as `resize` makes it from the window along it."""
        sizes = spatial_sizes(shape, self.order)
        return [resize(span, size) for span, size in zip(self.spans(len(sizes)), sizes, strict=True)]


def require_window_fits(operator: str, x: Tensor, window: Window) -> tuple[Span, ...]:
    """The window along each spatial axis of X.

    Raises:
        ShapeError: X has no spatial axes, or the window has another number of them.
    """
    require_least_rank(operator, "X", x, 3)
    try:
        return window.spans(x.ndim - 2)
    except ValueError:
        [count] = window.counts()
        msg = f"{operator}: X has shape {x.shape}, expected rank {count + 2}, as the window has {count} axes"
        raise ShapeError(msg, operator=operator) from None


def require_places(operator: str, x: Tensor, spans: Iterable[Span], order: str) -> list[int]:
    """How many windows lie along each spatial axis of X.

    Raises:
        ShapeError: not one does.
    """
    counts = []
    for span, size in zip(spans, spatial_sizes(x.shape, order), strict=True):
        count = span.places(size)
        if count is None or count < 1:
            padded = f"with pads {span.head} and {span.tail} " if span.head or span.tail else ""
            msg = f"{operator}: X has shape {x.shape}; size {size} {padded}has no room for a window of {span.extent}"
            raise ShapeError(msg, operator=operator)
        counts.append(count)
    return counts


def with_pads(x: Tensor, spans: Sequence[Span], order: str, value: float) -> Tensor:
    """X with `value` around it; X itself if there are no pads."""
    if not any(span.head or span.tail for span in spans):
        return x
    sizes = spatial_sizes(x.shape, order)
    wider = [span.head + size + span.tail for span, size in zip(spans, sizes, strict=True)]
    made = np.full(shaped(x.shape[0], x.shape[channel_axis(order, x.ndim)], wider, order), value, x.dtype)
    inside = tuple(slice(span.head, span.head + size) for span, size in zip(spans, sizes, strict=True))
    made[(slice(None),) * spatial_start(order) + inside] = x
    return made


# --- the order of axes -----------------------------------------------------------------------------------------------


def check_order(operator: str, order: str) -> None:
    """Raise ArgumentError if `order` is none."""
    if order not in ORDERS:
        raise argument_error(operator, "order", f"must be 'NCHW' or 'NHWC', got {order!r}")


def check_least(operator: str, argument: str, value: float, least: float) -> None:
    """Raise ArgumentError if an argument is too small, or no number."""
    if not value >= least:
        raise argument_error(operator, argument, f"must be {least} or more, got {value}")


def channel_axis(order: str, rank: int) -> int:
    """The axis of channels: 1, or the last."""
    return rank - 1 if order == "NHWC" else 1


def spatial_start(order: str) -> int:
    """The first spatial axis."""
    return 1 if order == "NHWC" else 2


def spatial_sizes(shape: Sequence[Any], order: str) -> Sequence[Any]:
    """The sizes of all axes but those of images and channels."""
    return shape[1:-1] if order == "NHWC" else shape[2:]


def shaped(count: Any, channels: Any, sizes: Sequence[Any], order: str) -> tuple[Any, ...]:
    """The shape of images, or of filters, with these numbers."""
    return (count, *sizes, channels) if order == "NHWC" else (count, channels, *sizes)


def channels_first(x: Tensor, order: str) -> Tensor:
    """X in the order NCHW: a view of it, if it is in another."""
    return x if order == "NCHW" else np.moveaxis(x, -1, 1)


def back_in_order(y: Tensor, order: str) -> Tensor:
    """Y, which is in the order NCHW, in `order`; row-major if that is another."""
    return y if order == "NCHW" else np.ascontiguousarray(np.moveaxis(y, 1, -1))


# --- operators that have one -----------------------------------------------------------------------------------------


def windowed(*spellings: Spelling) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates a function with a keyword `window`, in whose place it gets the keywords that give one.

    These are those of the spellings, `order`, and `legacy_pad`, which may only be 0. It serves bodies and what infers
    their outputs; `check_window` checks the arguments.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)
        kept = [each for each in signature.parameters.values() if each.name != "window"]
        own = [each.name for each in kept if each.kind is inspect.Parameter.KEYWORD_ONLY]

        @functools.wraps(function)
        def with_window(*inputs: Any, **arguments: Any) -> Any:
            others = {name: arguments[name] for name in own if name in arguments}
            return function(*inputs, window=Window.of(arguments), **others)

        last = [
            inspect.Parameter("order", inspect.Parameter.KEYWORD_ONLY, default="NCHW", annotation=str),
            inspect.Parameter("legacy_pad", inspect.Parameter.KEYWORD_ONLY, default=0, annotation=int),
        ]
        spelled = [parameter for spelling in spellings for parameter in spelling.parameters()]
        with_window.__signature__ = signature.replace(parameters=[*kept, *spelled, *last])  # type: ignore[attr-defined]
        return with_window

    return decorate


def check_window(
    operator: str, spellings: Iterable[Spelling], arguments: Mapping[str, Any], *, needs_kernel: bool = True
) -> Window:
    """The window that arguments give.

    Raises:
        ArgumentError: they give none, or no legal one.
    """
    check_order(operator, arguments["order"])
    if arguments["legacy_pad"]:
        msg = f"must be 0, got {arguments['legacy_pad']}; give the pads themselves"
        raise argument_error(operator, "legacy_pad", msg)
    axes: dict[int, str] = {}
    for spelling in spellings:
        argument, numbers = spelling.check(operator, arguments), spelling.read(arguments)
        if isinstance(numbers, tuple):
            if spelling is PAD and len(numbers) % 2:
                shown = list(numbers)
                raise argument_error(operator, argument, f"must have a head and a tail for each axis, got {shown}")
            axes.setdefault(len(numbers) // (2 if spelling is PAD else 1), argument)
    if len(axes) > 1:
        (one, first), (other, second) = list(axes.items())[:2]
        raise argument_error(operator, second, f"is for {other} axes, but {first!r} is for {one}")
    window = Window.of(arguments)
    if needs_kernel and window.kernel == KERNEL.default:
        raise argument_error(operator, "kernel", "is needed, or 'kernel_h' and 'kernel_w', or 'kernels'")
    return window
