"""Calls of the operators on text files. The file that they read is this one."""

from __future__ import annotations

from tests.operators.samples import Sample

from taskplan.operators.text_reader import TextReader
from taskplan.plan.types import DataType

SAMPLES = {
    "CreateTextFileReader": lambda: Sample(
        arguments={"filename": __file__.encode(), "field_types": (DataType.STRING,)}
    ),
    "TextFileReaderRead": lambda: Sample([TextReader(__file__, [DataType.STRING], 1)], {"batch_size": 3}),
}
