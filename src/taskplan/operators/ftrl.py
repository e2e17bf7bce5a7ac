"""Optimisers that follow the regularised leader, which makes parameters that are exactly 0."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from taskplan.errors import ShapeError
from taskplan.operators.inference import like
from taskplan.operators.operands import (
    F32,
    F32_ONLY,
    Tensor,
    argument_error,
    refuse,
    require_alike,
    require_dtype,
    require_rank,
)
from taskplan.operators.optimisers import BLOCK, Scalar, one_number
from taskplan.operators.registry import operator
from taskplan.operators.sparse_optimisers import gradient_rows, rounds


def _rate_check(name: str) -> Callable[..., None]:
    def check(*, alpha: float, **_: float) -> None:
        if not alpha > 0:
            raise argument_error(name, "alpha", f"must be above 0, got {alpha}")

    return check


def _rate(name: str, alpha: float, given: Tensor | None) -> Scalar:
    """The input if there is one, else the argument.

    Raises:
        OperatorError: the input is not above 0.
    """
    if given is None:
        return Scalar(alpha)
    rate = one_number(name, "alpha", given)
    if rate <= 0:
        raise refuse(name, f"alpha is {rate}, expected a number above 0")
    return rate


def require_nz(name: str, p: Tensor, nz: Tensor) -> None:
    """Raise DtypeError or ShapeError unless `nz` is float32 and has two numbers for each of `p`."""
    require_dtype(name, "n_z", nz, F32_ONLY)
    if nz.shape != (*p.shape, 2):
        msg = f"{name}: n_z has shape {nz.shape}, var has shape {p.shape}; expected {(*p.shape, 2)}"
        raise ShapeError(msg, operator=name)


def accumulated(p: Tensor, nz: Tensor, g: Tensor, alpha: Scalar) -> tuple[Tensor, Tensor]:
    """N' and z', which are stored."""
    n, z = nz[..., 0], nz[..., 1]
    grown = n + g * g
    z += g - (np.sqrt(grown) - np.sqrt(n)) / alpha * p
    n[...] = grown
    return grown, z


def ftrl_weights(n: Tensor, z: Tensor, alpha: Scalar, beta: float, lambda1: float, lambda2: float) -> Tensor:
    """The parameter that n and z stand for."""
    first = Scalar(lambda1)
    scale = (Scalar(beta) + np.sqrt(n)) / alpha + Scalar(lambda2)
    weights: Tensor = np.where(np.abs(z) <= first, Scalar(0), (np.sign(z) * first - z) / scale)
    return weights


@operator(
    "Ftrl",
    inputs=("var", "n_z", "grad", "alpha?"),
    outputs=("output_var", "output_n_z"),
    in_place=(("var", "output_var"), ("n_z", "output_n_z")),
    updates=("var", "n_z"),
    check=_rate_check("Ftrl"),
    infer=like(0, 1),
)
def ftrl(
    p: Tensor,
    nz: Tensor,
    g: Tensor,
    alpha_input: Tensor | None = None,
    *,
    alpha: float = 0.005,
    beta: float = 1.0,
    lambda1: float = 0.001,
    lambda2: float = 0.001,
) -> tuple[Tensor, Tensor]:
    """Follow the regularised leader, by coordinate.

    After McMahan and others, "Ad click prediction", 2013, algorithm 1.

    n' = n + grad^2; z' = z + grad - (sqrt(n') - sqrt(n)) / ``alpha`` var; var' = 0 where abs(z') <= ``lambda1``,
    else (lambda1 sign(z') - z') / ((``beta`` + sqrt(n')) / alpha + ``lambda2``).

    Inputs:
        var, grad: float32, one shape.
        n_z: float32, that shape and a last axis of 2: n and z.
        alpha: float32, one element, in place of the argument.
    Outputs:
        output_var, output_n_z: what they are afterwards.
    Example:
        Ftrl([0], [[0 0]], [2]; alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0) -> [-0.5], [[4 2]]
    """
    name = "Ftrl"
    require_alike(name, var=p, grad=g)
    require_nz(name, p, nz)
    rate = _rate(name, alpha, alpha_input)
    flat, pairs, gradients = p.reshape(-1), nz.reshape(-1, 2), g.reshape(-1)
    for begin in range(0, flat.size, BLOCK):
        part = slice(begin, begin + BLOCK)
        n, z = accumulated(flat[part], pairs[part], gradients[part], rate)
        flat[part] = ftrl_weights(n, z, rate, beta, lambda1, lambda2)
    return p, nz


@operator(
    "GFtrl",
    inputs=("var", "n_z", "grad", "alpha?"),
    outputs=("output_var", "output_n_z"),
    in_place=(("var", "output_var"), ("n_z", "output_n_z")),
    updates=("var", "n_z"),
    check=_rate_check("GFtrl"),
    infer=like(0, 1),
)
def group_ftrl(
    p: Tensor,
    nz: Tensor,
    g: Tensor,
    alpha_input: Tensor | None = None,
    *,
    alpha: float = 0.005,
    beta: float = 1.0,
    lambda1: float = 0.001,
    lambda2: float = 0.001,
) -> tuple[Tensor, Tensor]:
    """As `Ftrl`, but a column becomes 0 as a whole, by the norm of its z.

    After Ni and others, 2019.

    With the norm Z of a column of D rows: var' = 0 where Z <= ``lambda1`` sqrt(D), else
    z' (lambda1 sqrt(D) / Z - 1) / ((``beta`` + sqrt(n')) / ``alpha`` + ``lambda2``).

    Inputs:
        var, grad: float32 matrices of one shape.
        n_z: float32, that shape and a last axis of 2: n and z.
        alpha: float32, one element, in place of the argument.
    Outputs:
        output_var, output_n_z: what they are afterwards.
    Example:
        GFtrl([[0]], [[[0 0]]], [[2]]; alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0) -> [[-0.5]], [[[4 2]]]
    """
    name = "GFtrl"
    require_alike(name, var=p, grad=g)
    require_rank(name, "var", p, 2)
    require_nz(name, p, nz)
    rate = _rate(name, alpha, alpha_input)
    n, z = accumulated(p, nz, g, rate)
    least = Scalar(lambda1 * math.sqrt(len(p)))
    norms = np.sqrt((z * z).sum(0, dtype=F32))
    scale = (Scalar(beta) + np.sqrt(n)) / rate + Scalar(lambda2)
    shrunk = z * (least / np.maximum(norms, np.finfo(np.float32).tiny) - Scalar(1)) / scale
    p[...] = np.where(norms <= least, Scalar(0), shrunk)
    return p, nz


@operator(
    "SparseFtrl",
    inputs=("var", "n_z", "indices", "grad", "alpha?"),
    outputs=("output_var", "output_n_z"),
    must_in_place=(("var", "output_var"), ("n_z", "output_n_z")),
    updates=("var", "n_z"),
    check=_rate_check("SparseFtrl"),
    infer=like(0, 1),
)
def sparse_ftrl(
    p: Tensor,
    nz: Tensor,
    indices: Tensor,
    g: Tensor,
    alpha_input: Tensor | None = None,
    *,
    alpha: float = 0.005,
    beta: float = 1.0,
    lambda1: float = 0.001,
    lambda2: float = 0.001,
) -> tuple[Tensor, Tensor]:
    """`Ftrl` of the rows that the indices name.

    Inputs:
        var: float32, rank 1 or more.
        n_z: float32, var's shape and a last axis of 2.
        indices: int32 or int64.
        grad: float32, a row for each index.
        alpha: float32, one element, in place of the argument.
    Outputs:
        output_var, output_n_z: the same blobs.
    Raises:
        OperatorError: an index is out of range.
    Example:
        SparseFtrl([0], [[0 0]], [0]:i32, [2]; alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0) -> [-0.5], [[4 2]]
    """
    name = "SparseFtrl"
    gradients = gradient_rows(name, p, indices, g)
    require_nz(name, p, nz)
    rate = _rate(name, alpha, alpha_input)
    for rows, places in rounds(indices):
        pairs = nz[rows]
        n, z = accumulated(p[rows], pairs, gradients[places], rate)
        nz[rows] = pairs
        p[rows] = ftrl_weights(n, z, rate, beta, lambda1, lambda2)
    return p, nz
