"""Statement 78 of the checklist: the step trees that tasks and groups compile to, name by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import taskplan as tp
from taskplan import ops

FLAGS = [
    "num_iter",
    "should_stop_blob",
    "only_once",
    "concurrent_substeps",
    "num_concurrent_instances",
    "run_every_ms",
    "create_workspace",
]


def lines(step: Any, indent: str = "") -> Iterator[str]:
    shown = [f"{name}={getattr(step, name)}" for name in FLAGS if step.HasField(name)]
    nets = [f"nets={','.join(step.network)}"] if step.network else []
    yield indent + " ".join([f"[{step.name}]", *shown, *nets])
    for substep in step.substep:
        yield from lines(substep, indent + "  ")


def tree(step: tp.ExecutionStep) -> str:
    return "\n".join(lines(step.Proto()))


def expected(text: str) -> str:
    rows = [row.partition("#")[0].rstrip() for row in text.rstrip().strip("\n").splitlines()]
    margin = len(rows[0]) - len(rows[0].lstrip())
    return "\n".join(row[margin:] for row in rows)


def test_078_a_task_with_a_net():
    task = tp.Task(step=tp.Net("a"), name="foo")

    assert tree(task.get_step()) == expected("""
        [local/foo] num_iter=1
          [step] num_iter=1 nets=a
          [local/foo:exit] num_iter=1 nets=local/foo:output
    """)


def test_078a_a_task_with_a_step_and_an_output_is_that_step():
    step = tp.execution_step("mine", tp.Net("a"))

    task = tp.Task(step=step, outputs=[tp.BlobReference("r")])

    assert task.name == "local/mine"
    assert tree(task.get_step()) == "[mine] num_iter=1 nets=a"


JOB = """
    [w/job] num_iter=1
      [w/job:init] num_iter=1
        [w/job] num_iter=1 nets={1}                 # task_init
      [w/job:parallel] num_iter=1 num_concurrent_instances=2
        [w/job:instance] num_iter=1 create_workspace=True
          [w/job:instance:init] num_iter=1
            [w/job] num_iter=1 nets={2}             # task_instance_init
          [w/job:body] num_iter=1
            [w/job] num_iter=1 run_every_ms=50 nets={8}
            [w/job] num_iter=1
              [step] num_iter=1 nets={0}            # the loop's constants; also has the setup attributes
              [w/job] should_stop_blob={3}/stop_blob nets={3},{4}
              [step_1] num_iter=1 nets={5}          # empty, opened after the loop; has attributes
          [w/job:instance:exit] num_iter=1
            [w/job] num_iter=1 nets={6}
      [w/job:exit] num_iter=1
        [w/job] num_iter=1 nets={7}
"""


def write_job() -> None:
    with ops.task_init():
        a = ops.Const(1)
    with ops.task_instance_init():
        b = ops.Const(2)
    with ops.loop(3):
        ops.Copy([a], [b])
    with ops.task_instance_exit():
        ops.Add([a, b])
    with ops.task_exit():
        ops.Mul([a, a])
    with ops.task_reporter(interval_ms=50):
        ops.Const(3)
    tp.final_output(a)


def job_nets(*numbers: int) -> list[str]:
    return [f"w/job_{number}" if number else "w/job" for number in numbers]


def test_078b_a_task_with_instances_setup_a_loop_and_a_reporter():
    """As the original, but for the name of the step of the instances (W-1)."""
    with tp.TaskGroup() as group, tp.Node("w"), tp.Task(name="job", num_instances=2) as task:
        write_job()
    shown = expected(JOB.format(*job_nets(*range(9))))

    assert tree(task.get_step()) == shown
    [grouped] = group.tasks_by_node().tasks()
    assert tree(grouped.get_step()) == shown.replace(
        "[w/job] num_iter=1", "[w/job] num_iter=1 create_workspace=True", 1
    )


def test_078c_a_group_with_setup_and_a_reporter_around_its_tasks():
    with tp.TaskGroup() as group, tp.Node("w"), tp.Task(name="job", num_instances=2):
        with ops.local_init():
            ops.Const(1)
        with ops.local_exit():
            ops.Const(2)
        with ops.local_reporter(interval_ms=70):
            ops.Const(3)
        write_job()
    [task] = group.tasks_by_node().tasks()

    shown = tree(task.get_step()).splitlines()

    assert (
        shown[:6]
        == expected("""
        [w] num_iter=1
          [w:init] num_iter=1
            [w/job] num_iter=1 nets=w/job_1
          [w:body] num_iter=1 concurrent_substeps=True
            [w/job] num_iter=1 run_every_ms=70 nets=w/job_3
            [w/job] num_iter=1 create_workspace=True
    """).splitlines()
    )
    inner = expected(JOB.format("w/job", *job_nets(*range(4, 12)))).splitlines()[1:]
    assert shown[6:-2] == ["    " + row for row in inner]
    assert shown[-2:] == ["  [w:exit] num_iter=1", "    [w/job] num_iter=1 nets=w/job_2"]


def test_078d_one_task_of_a_group_with_two_nodes():
    with tp.TaskGroup() as group:
        for node, name in (("a", "q1"), ("b", "q2")):
            tp.Task(step=tp.Net(name), node=node)

    task = group.to_task()

    assert tree(task.get_step()) == expected("""
        [local:body] num_iter=1 concurrent_substeps=True
          [a/task] num_iter=1 create_workspace=True
            [step] num_iter=1 nets=q1
            [a/task:exit] num_iter=1 nets=a/task:output
          [b/task] num_iter=1 create_workspace=True
            [step_1] num_iter=1 nets=q2
            [b/task:exit] num_iter=1 nets=b/task:output
    """)


@pytest.mark.parametrize(("workspace_type", "own"), [("private", True), ("global", False)])
def test_078e_a_group_of_one_task_says_on_its_root_whose_workspace_it_uses(workspace_type, own):
    with tp.TaskGroup(workspace_type) as group:
        tp.Task(step=tp.Net("a"), name="foo")

    task = group.to_task()

    assert tree(task.get_step()) == expected(f"""
        [local/foo] num_iter=1 create_workspace={own}
          [step] num_iter=1 nets=a
          [local/foo:exit] num_iter=1 nets=local/foo:output
    """)


def test_078f_setup_nets_of_several_objects_stand_in_the_order_of_their_objects():
    net = tp.Net("work")
    for number in (1, 2):
        net.add_attribute(tp.Task.TASK_SETUP, tp.SetupNets([tp.Net(f"i{number}")], [tp.Net(f"x{number}")]))

    assert tree(tp.Task(step=net, name="foo").get_step()) == expected("""
        [local/foo] num_iter=1
          [local/foo:init] num_iter=1 nets=i1,i2
          [step] num_iter=1 nets=work
          [local/foo:exit] num_iter=1 nets=x1,x2,local/foo:output
    """)


def test_078g_setup_that_gives_a_step_makes_steps_of_its_neighbours():
    net = tp.Net("work")
    net.add_attribute(tp.Task.TASK_SETUP, tp.SetupNets([tp.Net("i1")]))
    net.add_attribute(tp.Task.TASK_SETUP, tp.SetupNets([tp.execution_step("mine", tp.Net("i2"))]))

    shown = tree(tp.Task(step=net, name="foo").get_step()).splitlines()

    assert shown[1:4] == [
        "  [local/foo:init] num_iter=1",
        "    [step_1] num_iter=1 nets=i1",
        "    [mine] num_iter=1 nets=i2",
    ]


def test_078h_a_stop_in_a_task_body_makes_it_run_once():
    """W-13: where the original would repeat the body, the step says `only_once`."""
    with tp.TaskGroup(), tp.Task(name="foo", outputs=["r"]) as task:
        ops.stop_if(ops.Const(False))

    assert tree(task.get_step()) == "[local/foo] should_stop_blob=local/foo/stop_blob only_once=True nets=local/foo"
