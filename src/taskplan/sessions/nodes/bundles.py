"""What nodes ask of the machines of a cluster, by their keywords; and what no machine there can give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from taskplan.errors import BuildTypeError, BuildValueError, PlacementError

AMOUNTS = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
"""The keywords that are a number, with the resources that Ray counts them as."""

KEYWORDS = (*AMOUNTS, "resources", "label_selector")
"""What `Node` takes for a `RaySession`."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one node asks for.

    Attributes:
        node: its name.
        resources: how much of each resource; `memory` is in bytes.
        labels: what the labels of its machine have to be, as Ray has it: `"a"`, `"!a"`, `"in(a, b)"` or `"!in(a, b)"`.
    """

    node: str
    resources: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        asked = [amount(number, name) for name, number in self.resources.items()]
        if self.labels:
            asked.append(f"a machine with the labels {dict(self.labels)!r}")
        return " and ".join(asked) or "nothing"


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine of the cluster has, whether or not it is in use."""

    resources: Mapping[str, float]
    labels: Mapping[str, str]

    def is_meant_by(self, bundle: Bundle) -> bool:
        """Whether its labels are those that a node asks for."""
        return all(_fits(self.labels.get(name), wanted) for name, wanted in bundle.labels.items())

    def has(self, bundle: Bundle) -> bool:
        """Whether a node would find a place here, were nothing in use."""
        enough = all(self.resources.get(name, 0) >= number for name, number in bundle.resources.items())
        return enough and self.is_meant_by(bundle)


def bundle_of(node: str, keywords: Mapping[str, Any]) -> Bundle:
    """What a node asks for.

    Args:
        node: its name.
        keywords: those of `Node`.

    Raises:
        BuildTypeError: there is no such keyword, or its value is of the wrong type.
        BuildValueError: an amount is less than 0, or a resource has a keyword of its own.
    """
    unknown = [f"{name}={value!r}" for name, value in keywords.items() if name not in KEYWORDS]
    if unknown:
        msg = f"node {node!r} has {', '.join(unknown)}; RaySession knows {', '.join(KEYWORDS[:-1])} and {KEYWORDS[-1]}"
        raise BuildTypeError(msg)
    resources = {
        AMOUNTS[name]: _number(node, name, value)
        for name, value in keywords.items()
        if name in AMOUNTS and value is not None
    }
    for name, value in _mapping(node, "resources", keywords).items():
        if name in AMOUNTS.values():
            keyword = next(keyword for keyword, resource in AMOUNTS.items() if resource == name)
            msg = f"node {node!r} has {name!r} in its resources; write {keyword}={value!r}"
            raise BuildValueError(msg)
        resources[name] = _number(node, f"resources[{name!r}]", value)
    labels = {name: str(value) for name, value in _mapping(node, "label_selector", keywords).items()}
    return Bundle(node, {name: number for name, number in resources.items() if number}, labels)


def check_room(bundles: Sequence[Bundle], machines: Sequence[Machine]) -> None:
    """Refuse what these machines can never give, even when nothing else is in use.

    Raises:
        PlacementError: it says which node asks for what, and what there is.
    """
    for bundle in bundles:
        if not any(machine.has(bundle) for machine in machines):
            raise PlacementError(_why_not(bundle, machines), node=bundle.node)
    for name in dict.fromkeys(name for bundle in bundles for name in bundle.resources):
        who = [bundle for bundle in bundles if name in bundle.resources]
        asked = sum(bundle.resources[name] for bundle in who)
        there = sum(machine.resources.get(name, 0) for machine in machines)
        if asked > there:
            nodes = " and ".join(f"{bundle.node!r}" for bundle in who)
            msg = f"nodes {nodes} ask for {amount(asked, name)} together; the cluster has {there:g}"
            raise PlacementError(msg, node=who[-1].node)


def amount(number: float, resource: str) -> str:
    """So much of a resource, in words."""
    if resource == "memory":
        return f"{number / 2**30:,.2f} GiB of memory"
    if resource in ("CPU", "GPU"):
        return f"{number:g} {resource}{'' if number == 1 else 's'}"
    return f"{number:g} of {resource!r}"


def _why_not(bundle: Bundle, machines: Sequence[Machine]) -> str:
    meant = [machine for machine in machines if machine.is_meant_by(bundle)]
    if not meant:
        return f"node {bundle.node!r} asks for a machine with the labels {dict(bundle.labels)!r}; the cluster has none"
    where = "no machine with these labels has" if bundle.labels else "no machine of the cluster has"
    for name, number in bundle.resources.items():
        most = max(machine.resources.get(name, 0) for machine in meant)
        if most < number:
            there = f"{where} more than {_short(most, name)}"
            if not most:
                there = f"{where} any" if bundle.labels else "the cluster has none"
            return f"node {bundle.node!r} asks for {amount(number, name)}; {there}"
    return f"node {bundle.node!r} asks for {bundle}; {where} all of that"


def _short(number: float, resource: str) -> str:
    return amount(number, resource) if resource == "memory" else f"{number:g}"


def _number(node: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name} of node {node!r} must be a number, got {value!r}"
        raise BuildTypeError(msg)
    if not 0 <= value < float("inf"):
        msg = f"{name} of node {node!r} must be at least 0, got {value!r}"
        raise BuildValueError(msg)
    return value


def _mapping(node: str, name: str, keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    value = keywords.get(name) or {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        msg = f"{name} of node {node!r} must be a dict with names as keys, got {value!r}"
        raise BuildTypeError(msg)
    return value


def _fits(label: str | None, wanted: str) -> bool:
    """Whether a label is what a selector asks for."""
    if wanted.startswith("!"):
        return not _fits(label, wanted[1:])
    if wanted.startswith("in(") and wanted.endswith(")"):
        return label in [each.strip() for each in wanted[3:-1].split(",")]
    return label == wanted
