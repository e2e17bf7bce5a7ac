"""Builders, and what their blocks become. Numbers are those of the checklist."""

import gc

import pytest

from taskplan.builder.blobs import BlobReference
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.steps import execution_step, to_execution_step
from taskplan.builder.task import Task
from taskplan.errors import BuildError, BuildTypeError, ClosedError, NoContextError
from taskplan.plan.text import net_text, step_tree


@pytest.fixture(autouse=True)
def _names():
    with fresh_names():
        yield


def tree_of(builder):
    return step_tree(to_execution_step(builder).to_model())


def types_of(net):
    return [op.type for op in net.to_model().ops]


def nets_of(builder):
    return [child for child in builder.get() if isinstance(child, Net)]


def child_names(builder):
    return [child.Name() if isinstance(child, Net) else child.name for child in builder.get()]


# --- collecting -------------------------------------------------------------------------------------------------------


def test_nets_are_named_after_their_builder():
    with NetBuilder("b") as builder:
        ops.Const(1)
        ops.net(name="n")
        ops.net(name="n")

    assert child_names(builder) == ["b", "b/n", "b/n_1"]


def test_a_nested_builder_has_the_name_of_the_outer_one_before_its_own():
    with NetBuilder("outer"), NetBuilder("inner") as inner, NetBuilder() as nameless:
        pass

    assert (inner.name, nameless.name) == ("outer/inner", "outer/inner")


def test_a_builder_takes_a_name_or_a_full_name():
    with NetBuilder("outer"):
        assert NetBuilder(_fullname="own").name == "own"
        with pytest.raises(BuildError, match="a name or a full name, got 'a' and 'b'"):
            NetBuilder("a", _fullname="b")


def test_opening_a_builder_inside_another_one_does_not_add_it():
    with NetBuilder() as outer:
        with NetBuilder():
            ops.Const(1)

    assert outer.get() == []


def test_an_added_net_becomes_the_open_one():
    with NetBuilder() as builder:
        net = builder.add(Net("mine"))
        ops.Const(1)

    assert builder.get() == [net]
    assert types_of(net) == ["GivenTensorInt64Fill"]


def test_an_added_block_or_step_closes_the_open_net():
    with NetBuilder("b") as builder:
        ops.Const(1)
        builder.add(execution_step("s", Net("m")))
        ops.Const(2)

    assert tree_of(builder).splitlines() == [
        "[b] num_iter=1",
        "  [step] num_iter=1 nets=b",
        "  [s] num_iter=1 nets=b/m",
        "  [step_1] num_iter=1 nets=b_1",
    ]


def test_a_builder_takes_nothing_but_nets_builders_and_steps():
    with NetBuilder() as builder, pytest.raises(BuildTypeError, match="takes nets, builders and steps, got 'net'"):
        builder.add("net")  # type: ignore[type-var]  # that is the point


@pytest.mark.parametrize("add", [lambda b: b.add(Net("n")), lambda b: b.current_net()], ids=["add", "current_net"])
def test_a_builder_that_has_ended_takes_nothing_more(add):
    with NetBuilder("b") as builder:
        pass

    with pytest.raises(ClosedError, match=r"builder 'b' .*test_net_builder.py.* is closed"):
        add(builder)


def test_get_closes_a_builder_and_all_blocks_in_it():
    with NetBuilder():
        inner = ops.loop(2)
        NetBuilder.current().get()
        with pytest.raises(ClosedError):
            inner.current_net()


def test_119_a_failed_body_leaves_no_builder_open():
    with pytest.raises(ZeroDivisionError), NetBuilder("a"), ops_block():
        raise ZeroDivisionError

    assert NetBuilder.current(required=False) is None


def ops_block():
    return ops.loop(3)


def test_a_builder_gives_up_the_names_of_its_nets_with_itself():
    """No cycle of references keeps it alive, so no garbage collection is needed."""
    gc.disable()
    try:
        for _ in range(2):
            with NetBuilder("b") as builder:
                with ops.loop(2):
                    ops.Const(1)
                with ops.IfNet(ops.Const(True)):
                    ops.Const(1)
            assert child_names(builder)[0] == "b"
            del builder
    finally:
        gc.enable()


def test_120_many_builders_with_many_nets_have_consecutive_names():
    with NetBuilder("b") as builder:
        for _ in range(3000):
            builder.current_net("n")

    assert child_names(builder)[-1] == "b/n_2999"


# --- steps ------------------------------------------------------------------------------------------------------------


def test_a_builder_with_only_nets_becomes_a_step_of_nets():
    with NetBuilder("b") as builder:
        ops.Const(1)
        ops.net(name="n")

    assert tree_of(builder) == "[b] num_iter=1 nets=b,b/n"


def test_a_builder_becomes_a_step_any_number_of_times():
    with NetBuilder("b") as builder:
        ops.Const(1)

    assert tree_of(builder) == tree_of(builder)


def test_a_step_has_the_line_of_its_builder():
    with NetBuilder("b") as builder:
        ops.Const(1)

    step = to_execution_step(builder).to_model()

    assert step.site == builder.site
    assert step.site.function == "test_a_step_has_the_line_of_its_builder"


def test_110_a_plain_builder_that_stops_runs_at_most_once():
    """W-13: the original repeats it until the stop blob is true, so perhaps for ever."""
    with NetBuilder("b") as builder:
        ops.stop_if(ops.Const(False))

    assert tree_of(builder) == "[b] should_stop_blob=b/stop_blob only_once=true nets=b"


def test_the_stop_blob_is_false_at_the_start_of_each_iteration():
    with NetBuilder("b") as builder:
        ops.net(name="first")
        ops.net(name="second")
        ops.stop_if(ops.Const(True))

    first, *_ = nets_of(builder)
    assert child_names(builder) == ["b/stop_blob_init", "b/first", "b/second"]
    assert net_text(first.to_model()).splitlines()[1:] == ["  b/second/stop_blob = ConstantFill(dtype=5, value=0)"]


def test_stops_are_looked_at_between_nets():
    with NetBuilder("b") as builder:
        ops.stop_if(ops.Const(True))
        ops.Const(1)

    assert child_names(builder) == ["b", "b_1"]


# --- loops ------------------------------------------------------------------------------------------------------------


def test_105_a_counted_loop_tests_its_count_first_and_counts_at_its_end():
    with NetBuilder("b") as builder:
        with ops.loop(3, name="l") as loop:
            ops.Copy(loop.iter(), "seen")

    test, body = loop.get()
    assert tree_of(builder).splitlines() == [
        "[b] num_iter=1",
        "  [step] num_iter=1 nets=b",
        "  [b/l] should_stop_blob=b/l/stop_blob nets=b/l,b/l_1",
    ]
    assert types_of(test) == ["GE", "ConstantFill", "Or"]
    assert types_of(body) == ["Copy", "Add"]


def test_105_an_inner_loop_is_set_back_by_the_outer_one():
    """Its constants stand in the outer loop's body."""
    with NetBuilder("b"), ops.loop(2) as outer:
        with ops.loop(3) as inner:
            pass

    _, constants, block, _ = outer.get()
    assert block is inner
    assert types_of(constants) == ["GivenTensorInt64Fill"] * 3


def test_a_loop_may_take_its_count_from_a_blob():
    with NetBuilder():
        count = ops.Const(3)
        with ops.loop(count) as loop:
            pass

    assert nets_of(loop)[0].to_model().ops[0].inputs[1] == count


@pytest.mark.parametrize("count", ["3", 2.5])
def test_a_loop_takes_no_other_count(count):
    with NetBuilder(), pytest.raises(BuildTypeError, match=f"an int or a BlobReference, got {count!r}"):
        ops.loop(count)


def test_106_a_loop_without_count_or_stop_is_refused_at_its_end():
    with pytest.raises(BuildError, match=r"loop 'b/l' \(.*\) would never end"), NetBuilder("b"):
        with ops.loop(name="l"):
            ops.Const(1)

    assert NetBuilder.current(required=False) is None


def test_a_loop_without_count_has_no_iterator():
    with NetBuilder(), ops.loop() as loop:
        ops.stop()
        with pytest.raises(BuildError, match="counts no iterations"):
            loop.iter()


# --- branches ---------------------------------------------------------------------------------------------------------


def test_107_a_stop_inside_an_if_belongs_to_the_if():
    with NetBuilder("b"), ops.loop(name="l") as loop:
        with ops.If(ops.Const(True), name="i") as branch:
            ops.stop()
        ops.stop()

    assert loop.stop_blob() != branch.stop_blob()
    assert str(branch.stop_blob()).startswith("b/l/i")


def test_108_a_stop_guard_tells_only_after_its_end():
    with NetBuilder(), ops.stop_guard() as guard:
        with pytest.raises(BuildError, match=r"known after its `with` block only"):
            guard.has_stopped()
        ops.stop_if(ops.Const(False))

    first, last = nets_of(guard)
    told = str(guard.has_stopped())
    assert [op.type for op in first.to_model().ops if told in op.outputs] == ["ConstantFill"]
    assert [op.arguments["value"] for op in last.to_model().ops if told in op.outputs] == [0]


def test_109_the_branches_of_an_if_share_a_flag():
    with NetBuilder("b") as builder:
        with ops.If(ops.Const(True), name="i") as branch:
            ops.Const(1)
        with branch.Elif(ops.Const(True)) as other:
            ops.Const(2)
        with other.Else():
            ops.Const(3)

    assert [line.split(" nets=")[0] for line in tree_of(builder).splitlines()] == [
        "[b] num_iter=1",
        "  [step] num_iter=1",
        "  [b/i] should_stop_blob=b/i/stop_blob only_once=true",
        "  [step_1] num_iter=1",
        "  [b/i] should_stop_blob=b/i_2/stop_blob only_once=true",
        "  [b/i] should_stop_blob=b/i_4/stop_blob only_once=true",
    ]


def test_branches_without_a_name_have_that_of_the_if():
    """W-42: the original puts the name of the builder before itself."""
    with NetBuilder("b"):
        with ops.If(ops.Const(True)) as branch:
            pass
        with branch.Elif(ops.Const(True)) as other:
            pass

    assert (branch.name, other.name) == ("b", "b")


@pytest.mark.parametrize("follow", [lambda e: e.Elif(ops.Const(True)), lambda e: e.Else()], ids=["Elif", "Else"])
def test_nothing_follows_an_else(follow):
    with NetBuilder():
        with ops.If(ops.Const(True)) as branch:
            pass
        with branch.Else() as other:
            pass
        with pytest.raises(BuildError, match="cannot follow the Else at"):
            follow(other)


def test_an_if_needs_a_condition():
    with NetBuilder(), pytest.raises(BuildError, match="needs a condition"):
        ops.If(None)  # type: ignore[arg-type]  # that is the point


# --- operators around nets --------------------------------------------------------------------------------------------


def only_net(builder):
    [net] = nets_of(builder)
    return net


def test_111_an_if_net_becomes_one_operator_that_shares_only_blobs_from_before():
    with NetBuilder("b"):
        x, out = ops.Const(1), ops.Const(0)
        with ops.IfNet(ops.Const(True), name="i") as branch:
            ops.Copy(ops.Add([x, x], ["local"]), out)

    [scope, branching] = only_net(branch).to_model().ops
    assert only_net(branch).Name() == "b/i/b/i/if_net"
    assert scope.type == "CreateScope"
    assert branching.inputs[1:] == (x, *scope.outputs)
    assert branching.outputs == (out, *scope.outputs)
    [do] = branching.arguments["then_net"].ops
    assert do.arguments["inner_blobs"] == (str(x).encode(), str(out).encode())


def test_111_what_an_if_net_reads_must_be_defined():
    with (
        pytest.raises(BuildError, match=r"Copy in block 'b' \(.*test_net_builder.*\) reads 'nowhere'"),
        NetBuilder("b"),
    ):
        with ops.IfNet(ops.Const(True)):
            ops.Copy("nowhere", "x")

    assert NetBuilder.current(required=False) is None


def test_111_what_one_branch_wrote_for_itself_is_unknown_to_the_next():
    with NetBuilder():
        with ops.IfNet(ops.Const(True)):
            ops.Const(1, blob_out="local")
        with pytest.raises(BuildError, match="reads 'local'"):
            with ops.IfNet(ops.Const(True)):
                ops.Copy("local", "x")


def test_an_inner_if_net_shares_what_the_outer_one_keeps_for_itself():
    with NetBuilder():
        with ops.IfNet(ops.Const(True)) as outer:
            local = ops.Const(1)
            with ops.IfNet(ops.Const(True)):
                ops.Copy(local, local + "_copy")

    [do] = only_net(outer).to_model().ops[-1].arguments["then_net"].ops
    inner = do.arguments["net"].ops[-1]
    assert inner.type == "If"
    assert local in inner.inputs


def test_blobs_of_the_initial_scope_are_shared():
    with NetBuilder(initial_scope=["fed"]):
        with ops.IfNet(ops.Const(True)) as branch:
            ops.Copy("fed", "x")

    assert "fed" in only_net(branch).to_model().ops[-1].inputs


def test_operators_inside_an_if_net_keep_their_lines():
    with NetBuilder():
        with ops.IfNet(ops.Const(True)) as branch:
            ops.Const(1)
            here = branch.current_net().to_model().ops[0].site

    [do] = only_net(branch).to_model().ops[-1].arguments["then_net"].ops
    assert do.arguments["net"].ops[0].site == here


def test_setup_that_is_written_inside_an_if_net_is_that_of_its_task():
    with Task(outputs=["r"]) as task:
        with ops.IfNet(ops.Const(True)):
            with ops.task_init():
                ops.Const(1)

    assert step_tree(task.get_step().to_model()).splitlines()[1] == "  [local/task:init] num_iter=1"


def test_an_else_must_follow_its_if_net_directly():
    with NetBuilder():
        with ops.IfNet(ops.Const(True)):
            pass
        ops.Const(1)
        with pytest.raises(BuildError, match="Else must follow an IfNet directly"):
            ops.Else()


def test_an_if_net_with_an_else_is_one_operator():
    with NetBuilder("b") as builder:
        with ops.IfNet(ops.Const(True)) as branch:
            pass
        with ops.Else() as other:
            ops.Const(1)

    assert branch.get() == []
    assert [op.type for op in only_net(other).to_model().ops] == ["CreateScope", "CreateScope", "If"]
    assert tree_of(builder).splitlines()[2:] == ["  [b] num_iter=1 nets=b/b/if_else_net"]


def test_112_a_while_net_is_one_operator_with_the_condition_inside():
    with NetBuilder("b"):
        count, limit = ops.Const(0), ops.Const(3)
        with ops.WhileNet() as loop:
            with ops.Condition():
                test = ops.LT([count, limit])
            ops.Add([count, limit], [count])

    *scopes, default, repeat = only_net(loop).to_model().ops
    assert [scope.type for scope in scopes] == ["CreateScope"] * 2
    assert (default.type, default.outputs) == ("ConstantFill", (test,))
    assert repeat.inputs[:3] == (test, count, limit)
    assert [net.ops[0].arguments["reuse_workspace"] for net in subnets(repeat)] == [1, 1]


def subnets(op):
    return [op.arguments["cond_net"], op.arguments["loop_net"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], r"WhileNet 'b' \(.*\) must begin with a Condition"),
        (["operator"], r"must begin with a Condition"),
        (["condition", "condition"], "has one Condition, before its body"),
        (["operator", "condition"], "has one Condition, before its body"),
        (["empty condition"], "must end in an operator with one output, got nothing"),
        (["condition of two"], "must end in an operator with one output, got Split with 2 outputs"),
    ],
)
def test_112_a_while_net_has_exactly_one_condition_and_it_comes_first(body, message):
    with pytest.raises(BuildError, match=message), NetBuilder("b"):
        values = ops.Const([1, 2])
        with ops.WhileNet():
            for part in body:
                if part == "operator":
                    ops.Const(1)
                    continue
                with ops.Condition():
                    if part == "condition":
                        ops.Const(True)
                    elif part == "condition of two":
                        ops.Split(values, 2)

    assert NetBuilder.current(required=False) is None


def test_112_a_condition_stands_inside_a_while_net():
    with NetBuilder(), pytest.raises(BuildError, match="stands inside a WhileNet"):
        ops.Condition()


@pytest.mark.parametrize(
    "write",
    [
        lambda: ops.loop(3),
        lambda: ops.If(ops.Const(True)),
        lambda: ops.stop_guard(),
        lambda: ops.stop(),
        lambda: ops.stop_if(ops.Const(True)),
        lambda: ops.net(execution_step("s", Net("n"))),
    ],
    ids=["loop", "If", "stop_guard", "stop", "stop_if", "step"],
)
def test_113_blocks_made_of_steps_cannot_be_inside_an_operator(write):
    with NetBuilder("b"):
        with pytest.raises(BuildError, match="cannot be inside the operator-based block 'b'"):
            with ops.IfNet(ops.Const(True)):
                write()

    assert NetBuilder.current(required=False) is None


def test_blocks_need_an_open_builder():
    for write in (lambda: ops.loop(3), lambda: ops.IfNet(BlobReference("c")), ops.stop, ops.task_init):
        with pytest.raises(NoContextError, match="no task or builder is open here"):
            write()


def test_the_scope_of_many_blocks_costs_the_same_for_each():
    """W-2: the original reads all that came before again for each block."""
    with NetBuilder() as builder:
        x, cond = ops.Const(1), ops.Const(True)
        for _ in range(500):
            with ops.IfNet(cond):
                ops.Add([x, x], [x])

    assert len(builder.get()) == 501
