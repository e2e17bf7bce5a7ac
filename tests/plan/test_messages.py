"""The messages are Caffe2's: numbers, types, defaults, packing, and both directions of bytes and text."""

import struct

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from taskplan.plan import taskplan_pb2 as pb

# number, name, type; `*` is repeated, `!` required, `+` packed, `=` a default other than zero.
_FIELDS = {
    "PlanDef": "1 name string, 2 network *NetDef, 3 execution_step *ExecutionStep",
    "ExecutionStep": (
        "1 name string, 2 substep *ExecutionStep, 3 network *string, 4 num_iter int64, 5 criteria_network string, "
        "6 concurrent_substeps bool, 7 report_net string, 8 report_interval int32, 9 should_stop_blob string, "
        "10 only_once bool, 11 run_every_ms int64, 12 create_workspace bool, 13 num_concurrent_instances int32"
    ),
    "NetDef": (
        "1 name string, 2 op *OperatorDef, 3 type string, 4 num_workers int32, 5 device_option DeviceOption, "
        "6 arg *Argument, 7 external_input *string, 8 external_output *string, 9 partition_info *PartitionInfo"
    ),
    "OperatorDef": (
        "1 input *string, 2 output *string, 3 name string, 4 type string, 5 arg *Argument, "
        "6 device_option DeviceOption, 7 engine string, 8 control_input *string, 9 is_gradient_op bool, "
        "10 debug_info string, 11 domain string, 12 op_version int64"
    ),
    "Argument": (
        "1 name string, 2 f float, 3 i int64, 4 s bytes, 5 floats *float, 6 ints *int64, 7 strings *bytes, 8 n NetDef, "
        "9 nets *NetDef, 10 t TensorProto, 11 tensors *TensorProto, 12 qtensors *QTensorProto"
    ),
    "DeviceOption": (
        "1 device_type int32, 2 device_id int32, 3 random_seed uint32, 4 node_name string, 5 numa_node_id int32, "
        "6 extra_info *string"
    ),
    "TensorProto": (
        "1 dims *int64, 2 data_type DataType=1, 3 float_data *float+, 4 int32_data *int32+, 5 byte_data bytes, "
        "6 string_data *bytes, 7 name string, 8 device_detail DeviceOption, 9 double_data *double+, "
        "10 int64_data *int64+, 11 segment Segment, 12 storage_type StorageType=1, 13 raw_data bytes, "
        "14 external_data ExternalDataProto"
    ),
    "TensorProto.Segment": "1 begin !int64, 2 end !int64",
    "TensorProtos": "1 protos *TensorProto",
    "QTensorProto": (
        "1 dims *int64, 2 precision !int32, 3 scale !double, 4 bias !double, 5 is_signed !bool, 6 data *int32+, "
        "7 name string, 8 data_type DataType=2, 9 scales *double, 10 biases *double, 11 axis int32, "
        "12 is_multiparam bool"
    ),
    "ExternalDataProto": (
        "1 source_type SourceType, 2 record_id string, 3 offset int64, 4 strides *int64, 5 record_size uint64"
    ),
    "BlobProto": (
        "1 name string, 2 type string, 3 tensor TensorProto, 4 content bytes, 5 qtensor QTensorProto, "
        "6 content_num_chunks int32, 7 content_chunk_id int32"
    ),
    "PartitionInfo": "1 name !string, 2 device_id *int32, 3 extra_info string, 4 backend_options *BackendOptions",
    "BackendOptions": "1 backend_name !string, 2 option *MapFieldEntry",
    "MapFieldEntry": "1 key !string, 2 val !string",
}

_ENUMS = {
    "DeviceType": "CPU 0, CUDA 1, MKLDNN 2, OPENGL 3, OPENCL 4, IDEEP 5, HIP 6, FPGA 7, MSNPU 8, XLA 9",
    "TensorProto.DataType": (
        "UNDEFINED 0, FLOAT 1, INT32 2, BYTE 3, STRING 4, BOOL 5, UINT8 6, INT8 7, UINT16 8, INT16 9, INT64 10, "
        "FLOAT16 12, DOUBLE 13, ZERO_COLLISION_HASH 14"
    ),
    "TensorProto.StorageType": "TYPED 1, RAW 2, EXTERNAL 3, NO_CONTENT 4",
    "ExternalDataProto.SourceType": "INLINE_CONTAINER 0, SIMPLE_FILE 1",
}

_SCALARS = {
    getattr(FieldDescriptor, f"TYPE_{name.upper()}"): name
    for name in ("double", "float", "int64", "int32", "uint64", "uint32", "bool", "string", "bytes")
}


def _described(field):
    kind = _SCALARS.get(field.type) or (field.message_type or field.enum_type).name
    mark = "!" if field.is_required else "*" if field.is_repeated else ""
    default = f"={field.default_value}" if field.default_value and not field.is_repeated else ""
    return f"{field.number} {field.name} {mark}{kind}{'+' if field.is_packed else ''}{default}"


@pytest.mark.parametrize("name", _FIELDS)
def test_a_message_has_the_fields_of_caffe2(name):
    fields = pb.DESCRIPTOR.pool.FindMessageTypeByName(f"taskplan.{name}").fields

    assert ", ".join(map(_described, fields)) == _FIELDS[name]


@pytest.mark.parametrize("name", _ENUMS)
def test_an_enum_has_the_values_of_caffe2(name):
    values = pb.DESCRIPTOR.pool.FindEnumTypeByName(f"taskplan.{name}").values

    assert ", ".join(f"{value.name} {value.number}" for value in values) == _ENUMS[name]


def test_there_are_no_other_messages_and_none_has_a_field_of_ours():
    messages = set(pb.DESCRIPTOR.message_types_by_name)

    assert messages == {name for name in _FIELDS if "." not in name}


def test_lists_of_a_tensor_are_packed_and_those_of_an_argument_are_not():
    """Checklist 38: one header for a whole list, or a header before each element."""
    one, two = struct.pack("<f", 1.0), struct.pack("<f", 2.0)

    tensor = pb.TensorProto(float_data=[1.0, 2.0], int32_data=[3, 4], int64_data=[5, 6])
    argument = pb.Argument(floats=[1.0, 2.0], ints=[3, 4])

    assert tensor.SerializeToString() == b"\x1a\x08" + one + two + b"\x22\x02\x03\x04" + b"\x52\x02\x05\x06"
    assert argument.SerializeToString() == b"\x2d" + one + b"\x2d" + two + b"\x30\x03\x30\x04"


def test_packed_and_unpacked_lists_are_both_read():
    unpacked = b"\x20\x03\x20\x04"

    assert list(pb.TensorProto.FromString(unpacked).int32_data) == [3, 4]


def _varint(value):
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])


def _field(number, payload):
    """One field as the wire has it: an int as a varint, anything else with its length before it."""
    if isinstance(payload, int):
        return _varint(number << 3) + _varint(payload)
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


_ARGUMENT = _field(1, b"init_count") + _field(3, 20)
_OPERATOR = _field(2, b"counter") + _field(3, b"") + _field(4, b"CreateCounter") + _field(5, _ARGUMENT)
_NET = _field(1, b"init") + _field(2, _OPERATOR) + _field(8, b"counter")
_STEP = _field(1, b"train") + _field(3, b"init") + _field(9, b"done") + _field(10, 0) + _field(11, 70) + _field(13, 300)
_PLAN = _field(1, b"plan") + _field(2, _NET) + _field(3, _STEP)

_PLAN_TEXT = """name: "plan"
network {
  name: "init"
  op {
    output: "counter"
    name: ""
    type: "CreateCounter"
    arg {
      name: "init_count"
      i: 20
    }
  }
  external_output: "counter"
}
execution_step {
  name: "train"
  network: "init"
  should_stop_blob: "done"
  only_once: false
  run_every_ms: 70
  num_concurrent_instances: 300
}
"""


def test_bytes_of_another_writer_come_back_byte_by_byte():
    """Checklist 37. These bytes are put together by hand, in the order of the field numbers, as Caffe2 has them."""
    assert pb.PlanDef.FromString(_PLAN).SerializeToString() == _PLAN


def test_text_of_another_writer_is_read_and_written_alike():
    plan = text_format.Parse(_PLAN_TEXT, pb.PlanDef())

    assert plan.SerializeToString() == _PLAN
    assert text_format.MessageToString(plan) == _PLAN_TEXT


def test_what_is_set_to_its_default_stays_apart_from_what_is_unset():
    step = pb.ExecutionStep.FromString(pb.ExecutionStep(num_iter=0, only_once=False).SerializeToString())

    assert step.HasField("num_iter")
    assert step.HasField("only_once")
    assert not step.HasField("run_every_ms")


@pytest.mark.parametrize("message", ["PlanDef", "ExecutionStep", "NetDef", "OperatorDef", "Argument", "TensorProto"])
def test_unknown_fields_survive(message):
    unknown = _field(1000, b"from a later version") + _field(1001, 7)

    assert getattr(pb, message).FromString(unknown).SerializeToString() == unknown
