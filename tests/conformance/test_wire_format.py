"""Statements 37 and 38 of the checklist: the messages are those of Caffe2, byte by byte and in text, in both
directions.

There are two witnesses: bytes that are put together here by hand from the table below, and a second set of messages,
    made
of the same table under Caffe2's own package name.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, text_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

import taskplan as tp

# The number of a field is its place in the row. `*` is repeated, `+` repeated and packed, `!` required; `=` is the
# default.
TABLE = """
PlanDef: name string, network *NetDef, execution_step *ExecutionStep
ExecutionStep: name string, substep *ExecutionStep, network *string, num_iter int64, criteria_network string,
    concurrent_substeps bool, report_net string, report_interval int32, should_stop_blob string, only_once bool,
    run_every_ms int64, create_workspace bool, num_concurrent_instances int32
NetDef: name string, op *OperatorDef, type string, num_workers int32, device_option DeviceOption, arg *Argument,
    external_input *string, external_output *string, partition_info *PartitionInfo
OperatorDef: input *string, output *string, name string, type string, arg *Argument, device_option DeviceOption,
    engine string, control_input *string, is_gradient_op bool=false, debug_info string, domain string, op_version int64
Argument: name string, f float, i int64, s bytes, floats *float, ints *int64, strings *bytes, n NetDef, nets *NetDef,
    t TensorProto, tensors *TensorProto, qtensors *QTensorProto
DeviceOption: device_type int32=0, device_id int32, random_seed uint32, node_name string, numa_node_id int32,
    extra_info *string
TensorProto: dims *int64, data_type DataType=FLOAT, float_data +float, int32_data +int32, byte_data bytes,
    string_data *bytes, name string, device_detail DeviceOption, double_data +double, int64_data +int64,
    segment Segment, storage_type StorageType=TYPED, raw_data bytes, external_data ExternalDataProto
Segment: begin !int64, end !int64
TensorProtos: protos *TensorProto
QTensorProto: dims *int64, precision !int32, scale !double, bias !double, is_signed !bool, data +int32, name string,
    data_type DataType=INT32, scales *double, biases *double, axis int32, is_multiparam bool=false
ExternalDataProto: source_type SourceType=INLINE_CONTAINER, record_id string, offset int64=0, strides *int64,
    record_size uint64
BlobProto: name string, type string, tensor TensorProto, content bytes, qtensor QTensorProto, content_num_chunks int32,
    content_chunk_id int32
PartitionInfo: name !string, device_id *int32, extra_info string, backend_options *BackendOptions
BackendOptions: backend_name !string, option *MapFieldEntry
MapFieldEntry: key !string, val !string
"""

ENUMS = {
    "DataType": {
        **{"UNDEFINED": 0, "FLOAT": 1, "INT32": 2, "BYTE": 3, "STRING": 4, "BOOL": 5, "UINT8": 6, "INT8": 7},
        **{"UINT16": 8, "INT16": 9, "INT64": 10, "FLOAT16": 12, "DOUBLE": 13, "ZERO_COLLISION_HASH": 14},
    },
    "StorageType": {"TYPED": 1, "RAW": 2, "EXTERNAL": 3, "NO_CONTENT": 4},
    "SourceType": {"INLINE_CONTAINER": 0, "SIMPLE_FILE": 1},
}

SAMPLES: dict[str, list[Any]] = {
    "int32": [-7, 300, 0],
    "int64": [-(2**63), 2**62, 1],
    "uint32": [2**32 - 1, 0],
    "uint64": [2**64 - 1, 0],
    "bool": [True, False],
    "float": [0.5, -0.0, 2.0**-149],
    "double": [0.1, -1e300],
    "string": ["naïve", ""],
    "bytes": [b"\x00\xff", b""],
    **{name: list(values.values()) for name, values in ENUMS.items()},
}
ZEROS: dict[str, list[Any]] = {kind: [type(values[0])()] for kind, values in SAMPLES.items()} | {"StorageType": [1]}


class Field:
    """One entry of the table."""

    def __init__(self, number: int, text: str) -> None:
        self.name, kind = text.split()
        self.number = number
        kind, _, self.default = kind.partition("=")
        self.kind = kind.lstrip("*+!")
        self.mark = kind.removesuffix(self.kind)

    @property
    def is_message(self) -> bool:
        return self.kind in FIELDS


def table() -> dict[str, list[Field]]:
    """The fields of each message."""
    rows = [row.split(":") for row in TABLE.replace("\n    ", " ").strip().splitlines()]
    return {name: [Field(number, text) for number, text in enumerate(row.split(","), 1)] for name, row in rows}


FIELDS = table()


# --- the first witness: bytes by hand ---------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first, the top bit set in all but the last byte; negative numbers have 64 bits."""
    number %= 2**64
    head = bytearray()
    while number > 0x7F:
        head.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*head, number])


def content(kind: str, value: Any) -> tuple[int, bytes]:
    """The wire type of a value and its bytes, without a length."""
    if kind == "float":
        return 5, struct.pack("<f", value)
    if kind == "double":
        return 1, struct.pack("<d", value)
    if kind in ("string", "bytes") or kind in FIELDS:
        return 2, value.encode() if isinstance(value, str) else value
    return 0, varint(value)


def entry(number: int, wire_type: int, data: bytes) -> bytes:
    """A field with its number and wire type before it, and its length where the type says so."""
    return varint(number << 3 | wire_type) + (varint(len(data)) if wire_type == 2 else b"") + data


def by_hand(message: str, samples: dict[str, list[Any]] = SAMPLES, depth: int = 2) -> bytes:
    """A message in which every field is set, in order of the numbers; messages in it down to `depth`."""
    data = b""
    for field in FIELDS[message]:
        if field.is_message:
            values = [by_hand(field.kind, samples, depth - 1)] if depth else []
        else:
            values = samples[field.kind] if field.mark in ("*", "+") else samples[field.kind][:1]
        contents = [content(field.kind, value) for value in values]
        if field.mark == "+":
            data += entry(field.number, 2, b"".join(each for _, each in contents))
        else:
            data += b"".join(entry(field.number, wire_type, each) for wire_type, each in contents)
    return data


# --- the second witness: messages of Caffe2's package -----------------------------------------------------------------


def caffe2_messages() -> dict[str, Any]:
    """Message classes made of the table, by name."""
    proto = descriptor_pb2.FieldDescriptorProto
    kinds = {name.removeprefix("TYPE_").lower(): number for name, number in proto.Type.items()}
    labels = {"*": proto.LABEL_REPEATED, "+": proto.LABEL_REPEATED, "!": proto.LABEL_REQUIRED, "": proto.LABEL_OPTIONAL}
    file = descriptor_pb2.FileDescriptorProto(name="caffe2.proto", package="caffe2", syntax="proto2")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field in fields:
            added = message.field.add(name=field.name, number=field.number, label=labels[field.mark])
            if field.is_message or field.kind in ENUMS:
                added.type = proto.TYPE_MESSAGE if field.is_message else proto.TYPE_ENUM
                added.type_name = f".caffe2.{field.kind}"
            else:
                added.type = kinds[field.kind]
            if field.default:
                added.default_value = field.default
            if field.mark == "+":
                added.options.packed = True
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"caffe2.{name}")) for name in FIELDS}


def our_messages() -> dict[str, Any]:
    """The message classes of the objects that users get from `Proto()`, and of their whole family, by name."""
    family: Any = tp.Plan("plan").Proto().DESCRIPTOR.file
    found: dict[str, Any] = {name: GetMessageClass(each) for name, each in family.message_types_by_name.items()}
    return found | {"Segment": found["TensorProto"].Segment}


CAFFE2 = caffe2_messages()
OURS = our_messages()


# --- 37: bytes and text
# ------------------------------------------------------------------------------------------------


def test_037_there_are_no_messages_but_those_of_caffe2():
    assert OURS.keys() == CAFFE2.keys()


@pytest.mark.parametrize("message", FIELDS)
@pytest.mark.parametrize("samples", [SAMPLES, ZEROS], ids=["values", "zeros"])
def test_037a_every_field_is_read_and_written_byte_by_byte_as_caffe2_does(message, samples):
    """Zeros count: to the executor, a field that is set to its default is not one that is unset."""
    data = by_hand(message, samples)

    ours, theirs = OURS[message].FromString(data), CAFFE2[message].FromString(data)

    assert ours.SerializeToString() == data
    assert theirs.SerializeToString() == data
    assert [field.name for field, _ in ours.ListFields()] == [field.name for field in FIELDS[message]]


@pytest.mark.parametrize("message", FIELDS)
@pytest.mark.parametrize("samples", [SAMPLES, ZEROS], ids=["values", "zeros"])
def test_037b_text_of_either_is_read_by_the_other(message, samples):
    data = by_hand(message, samples)
    ours, theirs = OURS[message].FromString(data), CAFFE2[message].FromString(data)
    our_text, their_text = text_format.MessageToString(ours), text_format.MessageToString(theirs)

    assert our_text == their_text
    assert text_format.Parse(their_text, OURS[message]()).SerializeToString() == data
    assert text_format.Parse(our_text, CAFFE2[message]()).SerializeToString() == data


@pytest.mark.parametrize("message", FIELDS)
def test_037c_an_unset_field_has_the_default_of_caffe2(message):
    ours, theirs = OURS[message](), CAFFE2[message]()

    for field in FIELDS[message]:
        if not field.mark and not field.is_message:
            assert getattr(ours, field.name) == getattr(theirs, field.name)
            assert not ours.HasField(field.name)


@pytest.mark.parametrize("message", FIELDS)
def test_037d_fields_of_a_later_version_survive(message):
    later = entry(1000, 2, b"later") + entry(1001, 0, varint(7)) + entry(1002, 5, b"1234")
    data = by_hand(message) + later

    assert OURS[message].FromString(data).SerializeToString() == data


def program() -> tp.Plan:
    """A plan written with the builders."""
    init, update = tp.Net("init"), tp.Net("update")
    init.Const(np.array([1, 2], np.float32), blob_out="x")
    init.Const(False, blob_out="done")
    update.Add(["x", "x"], ["x"], broadcast=1)
    plan = tp.Plan("train")
    plan.AddStep(tp.execution_step("init", init))
    plan.AddStep(tp.execution_step("loop", update, num_iter=3))
    return plan


def text_entry(number: int, text: str) -> bytes:
    return entry(number, 2, text.encode())


def operator(kind: str, inputs: str, output: str, **arguments: bytes) -> bytes:
    """An operator that reads blobs of one letter and writes one, with arguments whose values are fields already."""
    named = [entry(5, 2, text_entry(1, name) + value) for name, value in arguments.items()]
    read = [text_entry(1, letter) for letter in inputs]
    return b"".join([*read, text_entry(2, output), text_entry(3, ""), text_entry(4, kind), *named])


def bytes_of_program() -> bytes:
    """The same plan by hand; each field is entered by its number."""
    numbers = entry(5, 5, struct.pack("<f", 1)) + entry(5, 5, struct.pack("<f", 2))
    x = operator("GivenTensorFill", "", "x", shape=entry(6, 0, b"\x02"), values=numbers)
    done = operator("ConstantFill", "", "done", dtype=entry(3, 0, b"\x05"), value=entry(3, 0, b"\x00"))
    add = operator("Add", "xx", "x", broadcast=entry(3, 0, b"\x01"))
    init = text_entry(1, "init") + entry(2, 2, x) + entry(2, 2, done)
    update = text_entry(1, "update") + entry(2, 2, add) + text_entry(7, "x")
    first = text_entry(1, "init") + text_entry(3, "init") + entry(4, 0, b"\x01")
    loop = text_entry(1, "loop") + text_entry(3, "update") + entry(4, 0, b"\x03")
    nets = entry(2, 2, init) + entry(2, 2, update)
    return text_entry(1, "train") + nets + entry(3, 2, first) + entry(3, 2, loop)


def test_037e_a_plan_of_the_builders_has_the_bytes_that_caffe2_writes():
    data = program().Proto().SerializeToString()

    assert data == bytes_of_program()
    assert CAFFE2["PlanDef"].FromString(data).SerializeToString() == data


def test_037f_a_plan_that_caffe2_wrote_runs(ws):
    data = CAFFE2["PlanDef"].FromString(bytes_of_program()).SerializeToString()

    tp.RunPlan(data)

    assert ws.fetch_blob("x").tolist() == [8, 16]


def test_037g_fields_of_a_later_version_survive_in_nets_and_plans():
    later = entry(1000, 2, b"later")
    op = text_entry(2, "x") + text_entry(4, "ConstantFill") + later
    net = text_entry(1, "net") + entry(2, 2, op) + later
    step = text_entry(1, "step") + text_entry(3, "net") + later
    data = text_entry(1, "plan") + entry(2, 2, net) + entry(3, 2, step) + later

    message = OURS["PlanDef"].FromString(data)

    assert tp.Plan.create_from_proto(message).Proto().SerializeToString() == data
    with tp.fresh_names():
        assert tp.Net(message.network[0]).Proto().SerializeToString() == net


TENSORS: list[tuple[np.ndarray[Any, Any], int, bytes]] = [
    (np.array([[1, 2]], np.float32), 1, entry(3, 2, struct.pack("<2f", 1, 2))),
    (np.array([[-1, 300]], np.int32), 2, entry(4, 2, varint(-1) + varint(300))),
    (np.array([[True, False]], np.bool_), 5, entry(4, 2, b"\x01\x00")),
    (np.array([[1, 200]], np.uint8), 6, entry(4, 2, b"\x01\xc8\x01")),
    (np.array([[1, -1]], np.int8), 7, entry(4, 2, b"\x01" + varint(-1))),
    (np.array([[1, 300]], np.uint16), 8, entry(4, 2, b"\x01\xac\x02")),
    (np.array([[1, -1]], np.int16), 9, entry(4, 2, b"\x01" + varint(-1))),
    (np.array([[1, 2**62]], np.int64), 10, entry(10, 2, b"\x01" + varint(2**62))),
    (np.array([[1, 2]], np.float16), 12, entry(4, 2, varint(0x3C00) + varint(0x4000))),
    (np.array([[1, 2]], np.float64), 13, entry(9, 2, struct.pack("<2d", 1, 2))),
    (np.array([[b"a", b""]], object), 4, entry(6, 2, b"a") + entry(6, 2, b"")),
]


@pytest.mark.parametrize(("value", "number", "elements"), TENSORS, ids=[str(case[0].dtype) for case in TENSORS])
def test_037h_a_tensor_is_serialised_as_caffe2_does_and_read_back(ws, value, number, elements):
    ws.feed_blob("x", value)
    head = entry(1, 0, b"\x01") + entry(1, 0, b"\x02") + entry(2, 0, varint(number))
    name_and_device = text_entry(7, "x") + entry(8, 2, b"\x08\x00")
    segment = entry(11, 2, b"\x08\x00\x10\x02")
    lower, upper = (elements, b"") if elements[0] >> 3 < 7 else (b"", elements)
    tensor = head + lower + name_and_device + upper + segment

    data = tp.SerializeBlob("x")
    tp.DeserializeBlob("copy", data)

    assert data == text_entry(1, "x") + text_entry(2, "Tensor") + entry(3, 2, tensor)
    np.testing.assert_array_equal(ws.fetch_blob("copy"), value)
    assert ws.fetch_blob("copy").dtype == value.dtype


def test_037i_a_string_blob_is_serialised_as_caffe2_does_and_read_back(ws):
    ws.feed_blob("x", b"\x00\xff")

    data = tp.SerializeBlob("x")
    tp.DeserializeBlob("copy", data)

    assert data == text_entry(1, "x") + text_entry(2, "std::string") + entry(4, 2, b"\x00\xff")
    assert ws.fetch_blob("copy") == b"\x00\xff"


def test_037j_a_counter_is_serialised_as_caffe2_does_and_read_back(ws):
    tp.RunOperatorOnce(tp.CreateOperator("CreateCounter", [], "x", init_count=5))

    data = tp.SerializeBlob("x")
    tp.DeserializeBlob("copy", data)
    tp.RunOperatorOnce(tp.CreateOperator("RetrieveCount", "copy", "count"))

    blob = CAFFE2["BlobProto"].FromString(data)
    assert blob.type == "std::unique_ptr<Counter<int64_t>>"
    assert (blob.tensor.data_type, list(blob.tensor.int64_data)) == (10, [5])
    assert ws.fetch_blob("count") == 5


# --- 38: lists --------------------------------------------------------------------------------------------------------


def test_038_lists_of_a_tensor_are_packed():
    """One header for the whole list."""
    tensor = OURS["TensorProto"](float_data=[1, 2], int32_data=[3, 4], double_data=[1, 2], int64_data=[5, 6])

    assert tensor.SerializeToString() == b"".join(
        [
            b"\x1a\x08" + struct.pack("<2f", 1, 2),
            b"\x22\x02\x03\x04",
            b"\x4a\x10" + struct.pack("<2d", 1, 2),
            b"\x52\x02\x05\x06",
        ]
    )
    assert OURS["TensorProto"](dims=[3, 4]).SerializeToString() == b"\x08\x03\x08\x04"


def test_038a_lists_of_an_argument_are_not_packed():
    """A header before each element."""
    one, two = struct.pack("<f", 1), struct.pack("<f", 2)

    assert tp.MakeArgument("", [1.0, 2.0]).SerializeToString() == b"\x0a\x00\x2d" + one + b"\x2d" + two
    assert tp.MakeArgument("", [3, 4]).SerializeToString() == b"\x0a\x00\x30\x03\x30\x04"
    assert tp.MakeArgument("", ["a", "b"]).SerializeToString() == b"\x0a\x00\x3a\x01a\x3a\x01b"


def test_038b_both_forms_of_a_list_are_read():
    assert list(OURS["TensorProto"].FromString(b"\x20\x03\x20\x04").int32_data) == [3, 4]
    assert list(OURS["Argument"].FromString(b"\x32\x02\x03\x04").ints) == [3, 4]
