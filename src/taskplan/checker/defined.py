"""TP104 to TP108: nets and blobs that are used and nowhere made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from taskplan.checker.problems import Problem
from taskplan.checker.walk import OpPlace, PlanFacts, Visit, operators, visits
from taskplan.plan.model import NetDef, PlanDef, ProgramDef
from taskplan.plan.names import did_you_mean, near_names

Known = Mapping[str, set[str]]
Facts = Mapping[str, PlanFacts]


def wrong_nets(program: ProgramDef) -> Iterator[Problem]:
    """Names of nets that are used twice for different nets, or that the plan does not have."""
    for plan in program.plans.values():
        seen: dict[str, NetDef] = {}
        for net in plan.nets:
            if net.name in seen:
                message = f"the plan has two nets {net.name!r}; the other was made at {seen[net.name].site}"
                yield Problem("TP105", "duplicate net", message, f"plan {plan.name!r}", net.site)
            seen[net.name] = net
        missing = {visit.net: visit for visit in visits(plan, set()) if visit.net and visit.net not in seen}
        for name, visit in missing.items():
            message = f"step {visit.step.name!r} runs net {name!r}, which the plan does not have{did_you_mean(name or '', seen)}"
            yield Problem("TP104", "undefined net", message, f"plan {plan.name!r}", visit.step.site)


def undefined_reads(program: ProgramDef, facts: Facts, known: Known) -> Iterator[Problem]:
    """Blobs that an operator or a stop condition reads and that nothing makes before it.

    The engine refuses these in every run, when it makes the net. Where a user function may have made the blob (it was
    handed the workspace), nothing is proved and nothing is said.
    """
    for node, plan in facts.items():
        if not plan.makes_any_blob:
            elsewhere = {other: each.written for other, each in facts.items() if other != node}
            # A session makes the blob of every output before the run, so reading one is no undefined read (but see
            # TP108).
            outputs = {output.blob for output in program.outputs if output.node == node}
            yield from _undefined_in(plan.plan, known.get(node, set()) | outputs, elsewhere)


def _undefined_in(plan: PlanDef, known: set[str], elsewhere: Mapping[str, set[str]]) -> Iterator[Problem]:
    nets = {net.name: net for net in plan.nets}
    for visit in visits(plan, known):
        if visit.net is None:
            until = visit.step.until
            if until is not None and visit.certain and not visit.scope.sees(until):
                message = f"step {visit.step.name!r} stops on {until!r}, which nothing makes"
                yield Problem("TP106", "undefined stop blob", message, _path(visit), visit.step.site)
            continue
        net = nets.get(visit.net)
        if net is not None:
            yield from _undefined_in_net(net, visit, elsewhere)


def _undefined_in_net(net: NetDef, visit: Visit, elsewhere: Mapping[str, set[str]]) -> Iterator[Problem]:
    scope = visit.scope
    for place in operators(net):
        for name in place.op.inputs:
            if not scope.sees(name):
                if visit.certain:
                    yield _undefined(name, place, visit, elsewhere)
                scope.writers.setdefault(name, place)  # say it once
        for name in place.op.outputs:
            if not scope.sees(name):
                scope.writers[name] = place


def _undefined(name: str, place: OpPlace, visit: Visit, elsewhere: Mapping[str, set[str]]) -> Problem:
    where = place.where(visit.task, visit.node)
    for node, names in elsewhere.items():
        if name in names:
            message = (
                f"{place.op.type} reads {name!r}, which is written on node {node!r}: nodes share no blobs; send it through a "
                "Channel, or use LocalSession(ws, shared_nodes=True)"
            )
            return Problem("TP107", "blob of another node", message, where, place.op.site)
    message = f"{place.op.type} reads {name!r}, which nothing writes before it"
    writers = visit.scope.all_writers()
    hints = [
        f"{near!r}, written by op {writers[near].index + 1} of net {writers[near].net.name!r} ({writers[near].op.site})"
        for near in near_names(name, writers)
    ]
    return Problem("TP106", "undefined blob", message, where, place.op.site, near=", or ".join(hints))


def _path(visit: Visit) -> str:
    task = f"task {visit.task!r} on node {visit.node!r} > " if visit.task is not None else ""
    return f"{task}step {visit.step.name!r}"


def unwritten_outputs(program: ProgramDef, facts: Facts, known: Known) -> Iterator[Problem]:
    """Outputs that no operator of their node writes and that are not there already."""
    proved = {
        node: plan.written | known.get(node, set()) for node, plan in facts.items() if not plan.makes_any_blob
    }
    for output in program.outputs:
        here = proved.get(output.node)
        if here is not None and output.blob not in here:
            owner = f" of task {output.task!r}" if output.task else ""
            message = f"output {output.blob!r}{owner} is written by no operator on node {output.node!r}{did_you_mean(output.blob, here)}"
            yield Problem("TP108", "unwritten output", message, site=output.site)
