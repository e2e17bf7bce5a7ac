"""Nets from nets, and nets changed as a whole. Numbers are those of the checklist."""

import numpy as np
import pytest

from taskplan.builder.arguments import CreateOperator
from taskplan.builder.blobs import BlobReference
from taskplan.builder.dataflow import get_ssa, get_undefined_blobs
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.schema import Scalar, Struct
from taskplan.builder.scope import DeviceOption
from taskplan.errors import BuildError, BuildIndexError, BuildKeyError, BuildTypeError


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


@pytest.fixture
def net():
    """`y = x + w`, then `z = -y`, then `v = -w`."""
    net = Net("n")
    net.AddExternalInput("x", "w")
    net.Add(["x", "w"], "y")
    net.Negative("y", "z")
    net.Negative("w", "v")
    net.AddExternalOutput(net.GetBlobRef("z"), net.GetBlobRef("v"))
    return net


def shown(net):
    """The operators and external blobs of a net, in a line each."""
    proto = net.Proto()
    lines = [f"{op.type} {' '.join(op.input)} -> {' '.join(op.output)}" for op in proto.op]
    return [*lines, f"{' '.join(proto.external_input)} => {' '.join(proto.external_output)}"]


# --- clones -----------------------------------------------------------------------------------------------------------


def test_26_a_clone_has_blobs_renamed_by_the_mapping(net):
    clone = net.Clone("n", {"x": "x2", BlobReference("y"): BlobReference("y2"), "v": "v2"})

    assert clone.Name() == "n_1"
    assert shown(clone) == ["Add x2 w -> y2", "Negative y2 -> z", "Negative w -> v2", "x2 w => z v2"]
    assert shown(net) == ["Add x w -> y", "Negative y -> z", "Negative w -> v", "x w => z v"]


def test_26_a_clone_has_lists_of_attributes_of_its_own(net):
    """Caffe2 gave it the same ones (W-33)."""
    net.add_attribute("key", 1)

    clone = net.Clone("c")
    clone.add_attribute("key", 2)

    assert (net.get_attributes("key"), clone.get_attributes("key")) == ([1], [1, 2])


def test_26_blobs_are_renamed_inside_of_nested_nets():
    inner = Net("inner")
    inner.Copy("x", "y")
    middle = Net("middle")
    middle.While("c", [], loop_net=inner)
    net = Net("n")
    net.If("c", [], then_net=middle, else_net=inner)

    clone = net.Clone("c", {"x": "x2"})

    then_net, else_net = (arg.n for arg in clone.Proto().op[0].arg)
    assert list(else_net.op[0].input) == ["x2"]
    assert list(then_net.op[0].arg[0].n.op[0].input) == ["x2"]
    assert list(inner.Proto().op[0].input) == ["x"]


def test_26_functions_rename_in_the_arguments_of_other_operators(net):
    net.extend_ops([CreateOperator("Other", [], [], reads="x")])

    def rename(op, remap):
        op.arg[0].s = remap[op.arg[0].s.decode()].encode()

    clone = net.Clone("c", {"x": "x2"}, remap_funcs={"Other": rename})

    assert clone.Proto().op[-1].arg[0].s == b"x2"


def test_a_clone_may_have_some_of_the_operators(net):
    clone = net.Clone("c", op_id_mask=[1, 2])

    assert shown(clone) == ["Negative y -> z", "Negative w -> v", "x w => z v"]


def test_external_lists_follow_the_operators_that_were_taken(net):
    clone = net.Clone("c", op_id_mask=[1], update_external_list=True)

    assert shown(clone) == ["Negative y -> z", "y => z"]


def test_a_clone_keeps_the_lines_and_functions_of_its_operators(net):
    def function(a):
        return a

    net.call(function, "z", outputs=["u"])

    clone = net.Clone("c", {"z": "z2"}, op_id_mask=[3, 0])

    assert [op.site for op in clone.to_model().ops] == [net.to_model().ops[index].site for index in (3, 0)]
    assert [op.function for op in clone.to_model().ops] == [function, None]


def test_a_clone_keeps_the_records_unless_it_is_told_not_to(net):
    net.set_input_record(Struct(("a", Scalar(np.float32, BlobReference("x")))))

    kept, dropped = net.Clone("c", {"x": "x2"}), net.Clone("d", keep_schema=False)

    assert kept.input_record().field_blobs() == ["x2"]
    assert dropped.input_record() is None


# --- partial clones ---------------------------------------------------------------------------------------------------


def test_27_a_partial_clone_has_the_operators_that_are_needed(net):
    clone, outputs = net.ClonePartial("part", ["x"], ["z"])

    assert shown(clone) == ["Add x w -> part/y", "Negative part/y -> part/z", "x w => part/z"]
    assert outputs == ["part/z"]
    assert outputs[0].Net() is clone


@pytest.mark.parametrize("inputs", [{"y": "y2"}, [("y", "y2")], {BlobReference("y"): BlobReference("y2")}], ids=repr)
def test_27_what_is_given_is_not_computed(inputs, net):
    clone, [output] = net.ClonePartial("part", inputs, [BlobReference("z")])

    assert shown(clone) == ["Negative y2 -> part/z", "y2 => part/z"]
    assert output == "part/z"


def test_27_an_output_must_be_defined(net):
    with pytest.raises(BuildKeyError, match="'q' is not defined in net 'n'"):
        net.ClonePartial("part", ["x"], ["q"])


def test_27_an_operator_that_writes_a_given_input_cannot_be_needed():
    net = Net("n")
    net.Split("x", ["a", "b"])

    with pytest.raises(BuildError, match=r"Split, which writes \['a', 'b'\], is needed for \['b'\] and for the given"):
        net.ClonePartial("part", ["a"], ["b"])


def test_27_the_last_value_of_an_output_counts():
    net = Net("n")
    net.Copy("x", "y")
    net.Add(["y", "w"], "y")
    net.Copy("y", "later")

    clone, _ = net.ClonePartial("p", ["x"], ["y"])

    assert shown(clone) == ["Copy x -> p/y", "Add p/y w -> p/y", "x w => p/y"]


# --- appending --------------------------------------------------------------------------------------------------------


def test_a_net_is_appended_with_what_it_needs(net):
    first = Net("first")
    first.Copy("x", "w")
    first.add_attribute("key", 1)
    net.add_attribute("key", 2)

    appended = first.AppendNet(net)

    assert appended is first
    assert shown(first) == ["Copy x -> w", "Add x w -> y", "Negative y -> z", "Negative w -> v", "x => z v"]
    assert first.get_attributes("key") == [1]
    assert [op.site for op in first.to_model().ops[1:]] == [op.site for op in net.to_model().ops]


def test_appended_operators_get_the_device_option(net):
    first = Net("first")

    first.AppendNet(net, device_option=DeviceOption(0, random_seed=3))

    assert [op.device_option.random_seed for op in first.Proto().op] == [3, 3, 3]
    assert not net.Proto().op[0].HasField("device_option")


def test_a_net_may_be_appended_to_itself(net):
    net.AppendNet(net)

    assert len(net.Proto().op) == 6


def test_only_nets_are_appended(net):
    with pytest.raises(BuildTypeError, match="AppendNet takes a Net"):
        net.AppendNet(net.Proto())


# --- changes ----------------------------------------------------------------------------------------------------------


def test_appended_messages_define_their_outputs_and_nothing_else(net):
    net.extend_ops([CreateOperator("Copy", "new", "made")])

    assert [net.BlobIsDefined(name) for name in ("new", "made")] == [False, True]


def test_an_operator_is_put_in_between(net):
    net.insert_op_at_idx(CreateOperator("Copy", "new", "made"), 1)

    assert shown(net)[1:] == ["Copy new -> made", "Negative y -> z", "Negative w -> v", "x w new => z v"]
    assert net.BlobIsDefined("made")


@pytest.mark.parametrize("index", [-1, 4])
def test_an_operator_is_not_put_outside_of_the_net(index, net):
    with pytest.raises(BuildIndexError, match="has 3 operators"):
        net.insert_op_at_idx(CreateOperator("Copy", "x", "made"), index)


def test_readers_of_a_blob_are_led_to_another_one(net):
    changed = net.reroute_tensor("w", CreateOperator("Copy", "w", "w2"))

    assert changed == 2
    assert shown(net) == ["Copy w -> w2", "Add x w2 -> y", "Negative y -> z", "Negative w2 -> v", "x w => z v"]


def test_only_readers_that_may_be_changed_are_led_to_another_blob(net):
    changed = net.reroute_tensor(BlobReference("w"), CreateOperator("Copy", "w", "w2"), [net.Proto().op[2]])

    assert changed == 1
    assert shown(net)[1:4] == ["Add x w -> y", "Negative y -> z", "Negative w2 -> v"]


def test_an_external_output_is_led_to_another_blob(net):
    net.reroute_tensor("z", CreateOperator("Copy", "z", "z2"))

    assert shown(net)[2:] == ["Copy z -> z2", "Negative w -> v", "x w => z2 v"]


def test_what_takes_the_place_of_a_blob_must_read_it(net):
    with pytest.raises(BuildError, match="Copy must read 'z'"):
        net.reroute_tensor("z", CreateOperator("Copy", "y", "z2"))
    with pytest.raises(BuildTypeError, match="an OperatorDef, got 'z2'"):
        net.reroute_tensor("z", "z2")


@pytest.mark.parametrize(
    ("options", "seeds"),
    [({}, [100, 101, 102]), ({"seed": 7}, [7, 8, 9]), ({"seed": 7, "sequence_seed": False}, [7, 7, 7])],
    ids=repr,
)
def test_operators_get_seeds(options, seeds, net):
    net.set_rand_seed(**options)

    assert [op.device_option.random_seed for op in net.Proto().op] == seeds


def test_a_seed_by_what_an_operator_is_does_not_depend_on_its_place(net):
    def seeds():
        net.set_rand_seed(5, sequence_seed=False, seed_on_op_def=True)
        return {op.output[0]: op.device_option.random_seed for op in net.Proto().op}

    before = seeds()
    del net.Proto().op[0]

    assert seeds() == {name: seed for name, seed in before.items() if name != "y"}
    assert len(set(before.values())) == 3


def test_the_two_ways_of_seeding_exclude_one_another(net):
    with pytest.raises(BuildError, match="exclude one another"):
        net.set_rand_seed(1, sequence_seed=True, seed_on_op_def=True)


def test_operators_are_named_after_their_lines(net):
    net.PopulateProtoWithFileName()

    file, line, function = net.Proto().op[0].name.rsplit(":", 2)
    assert (file, function) == (__file__, "net")
    assert int(line) == net.to_model().ops[0].site.line


# --- who writes what is read ------------------------------------------------------------------------------------------


def test_values_of_a_blob_are_numbered():
    net = Net("n")
    net.Copy("x", "y")
    net.Add(["y", "x"], "y")

    ssa, versions = get_ssa(net)

    assert ssa == [([("x", 0)], [("y", 1)]), ([("y", 1), ("x", 0)], [("y", 2)])]
    assert versions == {"x": 0, "y": 2}
    assert get_undefined_blobs(ssa) == {"x"}


def test_numbering_goes_on_from_given_versions(net):
    before = {"w": 3}

    ssa, versions = get_ssa(net.Proto(), before)

    assert ssa[0] == ([("x", 0), ("w", 3)], [("y", 1)])
    assert (versions["w"], before) == (3, {"w": 3})


def test_only_nets_have_values_to_number():
    with pytest.raises(BuildTypeError, match="expected a net or a NetDef message, got 'n'"):
        get_ssa("n")  # type: ignore[arg-type]
