"""Input and output records of nets."""

import numpy as np
import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.schema import Scalar, Struct
from taskplan.errors import BuildError


@pytest.fixture
def net():
    with fresh_names():
        yield Net("n")


def record_of(**blobs):
    return Struct(*((name, Scalar(np.float32, BlobReference(blob))) for name, blob in blobs.items()))


def test_a_net_has_no_records_at_first(net):
    assert (net.input_record(), net.output_record()) == (None, None)


def test_blobs_of_the_input_record_become_external_inputs(net):
    net.AddExternalInput("x")

    record = net.set_input_record(record_of(a="x", b="y"))

    assert net.input_record() is record
    assert net.external_inputs == ["x", "y"]


def test_a_schema_gets_blobs_named_after_the_net(net):
    record = net.set_input_record(Struct(("a", np.float32), ("b", np.int64)))

    assert record.field_blobs() == ["n/a", "n/b"]
    assert net.external_inputs == ["n/a", "n/b"]


def test_blobs_of_the_output_record_become_external_outputs(net):
    net.AddExternalOutput(net.Const(1.0, "x"))
    net.Const(1.0, "y")

    net.set_output_record(record_of(a="x", b="y"))

    assert net.output_record().field_names() == ["a", "b"]
    assert net.external_outputs == ["x", "y"]


def test_a_blob_of_the_output_record_must_be_defined(net):
    with pytest.raises(BuildError, match="'x' is not defined in net 'n'"):
        net.set_output_record(record_of(a="x"))

    assert net.output_record() is None


def test_a_record_may_be_set_again_with_the_same_blobs_only(net):
    net.Const(1.0, "x")
    net.set_input_record(record_of(a="x"))
    net.set_output_record(record_of(a="x"))

    net.set_input_record(record_of(a="x"))
    net.set_output_record(record_of(a="x"))

    with pytest.raises(BuildError, match="input record of net 'n' is set already"):
        net.set_input_record(record_of(a="y"))
    with pytest.raises(BuildError, match="output record of net 'n' is set already"):
        net.set_output_record(record_of(b="x"))


def test_fields_are_appended_to_the_output_record(net):
    net.Const(1.0, "x")
    net.Const(1.0, "y")
    net.set_output_record(record_of(a="x"))

    net.AppendOutputRecordField("more", record_of(b="y"))

    assert net.output_record().field_names() == ["a", "more:b"]
    assert net.external_outputs == ["x", "y"]


def test_fields_are_not_appended_to_no_record(net):
    with pytest.raises(BuildError, match="net 'n' has no output record"):
        net.AppendOutputRecordField("more", record_of(b="y"))


def test_records_are_recovered_from_names(net):
    net.AddExternalInput("in/a", "in/b:c", "other")
    for name in ("out/a", "out/b"):
        net.AddExternalOutput(net.Const(1.0, name))

    net.recover_input_record_by_prefix("in/")
    net.recover_output_record_by_prefix("out/")

    assert net.input_record().field_names() == ["a", "b:c"]
    assert net.input_record().field_blobs() == ["in/a", "in/b:c"]
    assert net.output_record().field_blobs() == ["out/a", "out/b"]


def test_no_record_is_recovered_where_no_name_fits(net):
    net.recover_input_record_by_prefix("in/")
    net.recover_output_record_by_prefix("out/")

    assert (net.input_record(), net.output_record()) == (None, None)
