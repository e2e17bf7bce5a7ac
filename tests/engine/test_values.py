"""What users get of blobs."""

from __future__ import annotations

import numpy as np
import pytest

import taskplan as tp
from taskplan.engine.values import from_value
from taskplan.errors import WorkspaceError


def test_an_array_that_a_user_gets_is_not_that_of_the_blob() -> None:
    kept = np.zeros(3)

    got = from_value(kept, blob="x")
    got[0] = 1

    assert kept.tolist() == [0, 0, 0]


def test_an_output_whose_value_went_into_a_queue_is_told_to_be_copied_before() -> None:
    with tp.TaskGroup() as group, tp.Task():
        queue = tp.ops.CreateBlobsQueue([], "queue", num_blobs=1)
        value = tp.ops.Const(1, blob_out="value")
        tp.ops.EnqueueBlobs([queue, value], [value])
        output = tp.final_output(value)

    with tp.LocalSession(tp.Workspace()) as session:
        session.run(group)
        with pytest.raises(WorkspaceError) as caught:
            output.fetch()

    why = "no operator has written it, or its value was handed on, as to a queue; then output a Copy made before"
    assert str(caught.value) == f"blob 'value' exists and holds nothing: {why}"


def test_a_copy_that_was_made_before_can_be_output() -> None:
    with tp.TaskGroup() as group, tp.Task():
        queue = tp.ops.CreateBlobsQueue([], "queue", num_blobs=1)
        value = tp.ops.Const(1)
        output = tp.final_output(tp.ops.Copy(value))
        tp.ops.EnqueueBlobs([queue, value], [value])

    with tp.LocalSession(tp.Workspace()) as session:
        session.run(group)

        assert output.fetch() == 1
