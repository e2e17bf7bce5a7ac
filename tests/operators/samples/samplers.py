"""Calls of the operators that collect tensors and rows."""

from __future__ import annotations

import numpy as np
from tests.operators.calling import held
from tests.operators.fake_run import f32, i32
from tests.operators.samples import Sample
from tests.operators.samples.datasets import i64

from taskplan.operators.cursors import TensorVector
from taskplan.operators.dictionaries import Map
from taskplan.operators.objects import Mutex
from taskplan.operators.operands import I32, I64


def vector() -> TensorVector:
    made = TensorVector("tv")
    made.tensors += [f32([[1, 2]]), f32([[3, 4], [5, 6]])]
    return made


def collected() -> Sample:
    tensors = [held(f32([[2, 2]])), held(i64([7]))]
    return Sample([vector(), TensorVector(), *tensors], {"num_to_collect": 5}, 2, {0: 0, 1: 1})


def window() -> Sample:
    tensors = [held(f32([[1, 1], [2, 2]])), np.int32(0), held(f32([[3, 3]]))]
    return Sample([*tensors, Mutex(), np.int64(2)], {"num_to_collect": 2}, 3, {0: 0, 1: 1, 2: 4})


def reservoir() -> Sample:
    places = Map(I64, I32)
    places.insert(i64([10, 11]), i32([0, 1]))
    rows = [held(f32([[1, 1], [2, 2]])), np.int64(2), held(f32([[3, 3], [4, 4]]))]
    ids = [held(i64([11, 12])), places, held(i64([10, 11]))]
    return Sample([*rows, Mutex(), *ids], {"num_to_collect": 3}, 4, {0: 0, 1: 1, 2: 5, 3: 6})


SAMPLES = {
    "CreateTensorVector": Sample,
    "TensorVectorSize": lambda: Sample([vector()]),
    "ConcatTensorVector": lambda: Sample([vector()]),
    "CollectTensor": collected,
    "LastNWindowCollector": window,
    "ReservoirSampling": reservoir,
}
