"""What nodes may ask for, and what machines have. Needs no Ray."""

from __future__ import annotations

import pytest

import taskplan as tp
from taskplan.sessions.nodes.bundles import Bundle, Machine, bundle_of, check_room

SMALL = Machine({"CPU": 2, "memory": 4 * 2**30}, {"zone": "a"})
LARGE = Machine({"CPU": 8, "GPU": 1, "memory": 64 * 2**30, "disk": 1}, {"zone": "b"})


def test_keywords_become_resources_and_labels():
    bundle = bundle_of(
        "a", {"num_cpus": 2, "num_gpus": 0, "memory": 1024, "resources": {"disk": 1}, "label_selector": {"zone": "b"}}
    )

    assert bundle == Bundle("a", {"CPU": 2, "memory": 1024, "disk": 1}, {"zone": "b"})


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        (
            {"num_gpu": 1, "num_cpus": 1},
            tp.BuildTypeError,
            "node 'a' has num_gpu=1; RaySession knows num_cpus, num_gpus, memory, resources and label_selector",
        ),
        ({"num_cpus": "two"}, tp.BuildTypeError, "num_cpus of node 'a' must be a number, got 'two'"),
        ({"num_cpus": True}, tp.BuildTypeError, "num_cpus of node 'a' must be a number, got True"),
        ({"num_gpus": -1}, tp.BuildValueError, "num_gpus of node 'a' must be at least 0, got -1"),
        ({"resources": {"disk": -1}}, tp.BuildValueError, "resources['disk'] of node 'a' must be at least 0, got -1"),
        (
            {"resources": ["disk"]},
            tp.BuildTypeError,
            "resources of node 'a' must be a dict with names as keys, got ['disk']",
        ),
        ({"resources": {"GPU": 1}}, tp.BuildValueError, "node 'a' has 'GPU' in its resources; write num_gpus=1"),
    ],
)
def test_wrong_keywords_are_refused(keywords, error, message):
    with pytest.raises(error) as raised:
        bundle_of("a", keywords)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    "keywords",
    [
        {},
        {"num_cpus": 8, "num_gpus": 1},
        {"num_cpus": 2, "label_selector": {"zone": "a"}},
        {"num_gpus": 1, "label_selector": {"zone": "!a"}},
        {"label_selector": {"zone": "in(c, b)"}},
        {"label_selector": {"zone": "!in(c, b)", "other": "!x"}},
        {"resources": {"disk": 0.5}},
    ],
)
def test_what_one_machine_has_is_let_pass(keywords):
    check_room([bundle_of("a", keywords)], [SMALL, LARGE])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"resources": {"tpu": 2}}, "node 'a' asks for 2 of 'tpu'; the cluster has none"),
        ({"num_gpus": 2}, "node 'a' asks for 2 GPUs; no machine of the cluster has more than 1"),
        (
            {"memory": 2**40},
            "node 'a' asks for 1,024.00 GiB of memory; no machine of the cluster has more than 64.00 GiB of memory",
        ),
        (
            {"label_selector": {"zone": "c"}},
            "node 'a' asks for a machine with the labels {'zone': 'c'}; the cluster has none",
        ),
        (
            {"num_gpus": 1, "label_selector": {"zone": "a"}},
            "node 'a' asks for 1 GPU; no machine with these labels has any",
        ),
        (
            {"num_cpus": 4, "label_selector": {"zone": "a"}},
            "node 'a' asks for 4 CPUs; no machine with these labels has more than 2",
        ),
    ],
)
def test_what_no_machine_has_is_refused(keywords, message):
    with pytest.raises(tp.PlacementError) as raised:
        check_room([bundle_of("a", keywords)], [SMALL, LARGE])

    assert (str(raised.value), raised.value.node) == (message, "a")


def test_what_only_two_machines_together_have_is_refused():
    machines = [Machine({"CPU": 8}, {}), Machine({"GPU": 1}, {})]

    with pytest.raises(tp.PlacementError, match="asks for 4 CPUs and 1 GPU; no machine of the cluster has all of that"):
        check_room([bundle_of("a", {"num_cpus": 4, "num_gpus": 1})], machines)


def test_what_nodes_ask_for_together_is_refused_if_the_cluster_has_less():
    bundles = [bundle_of("a", {"num_cpus": 6}), bundle_of("b", {}), bundle_of("c", {"num_cpus": 6})]

    with pytest.raises(tp.PlacementError, match="nodes 'a' and 'c' ask for 12 CPUs together; the cluster has 10"):
        check_room(bundles, [SMALL, LARGE])
