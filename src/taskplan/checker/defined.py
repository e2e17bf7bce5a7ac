"""TP104 to TP110: nets, blobs and channels that are used and nowhere made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from taskplan.checker.facts import PlanFacts
from taskplan.checker.problems import Problem
from taskplan.checker.walk import OpPlace, Visit, operators, visits
from taskplan.operators.registry import declaration, is_operator
from taskplan.operators.waiting import Closes, Puts, Reason
from taskplan.plan.model import NetDef, OpDef, ProgramDef
from taskplan.plan.names import channel_blob, did_you_mean, near_names

Known = Mapping[str, set[str]]
Facts = Mapping[str, PlanFacts]


def wrong_nets(facts: Facts) -> Iterator[Problem]:
    """Names of nets that are used twice for different nets, or that the plan does not have."""
    for each in facts.values():
        plan, seen = each.plan, set[str]()
        for net in plan.nets:
            if net.name in seen:
                message = f"the plan has two nets {net.name!r}; the other was made at {each.nets[net.name].site}"
                yield Problem("TP105", "duplicate net", message, f"plan {plan.name!r}", net.site)
            seen.add(net.name)
        if each.used <= seen:
            continue
        missing = {visit.net: visit for visit in visits(plan, set()) if visit.net is not None and visit.net not in seen}
        for name, visit in missing.items():
            message = f"step {visit.step.name!r} runs net {name!r}, which the plan does not have"
            yield Problem("TP104", "undefined net", message + did_you_mean(name, seen), _path(visit), visit.step.site)


def undefined_reads(program: ProgramDef, facts: Facts, known: Known) -> Iterator[Problem]:
    """Blobs that an operator or a stop condition reads and that nothing makes before it.

    The engine refuses these in every run, when it makes the net. Where a user function may have made the blob, nothing
    is proved and nothing is said.
    """
    # A session makes the blob of every output before the run, so reading one is no undefined read (but see TP108).
    outputs: dict[str, set[str]] = {node: set() for node in facts}
    for output in program.outputs:
        outputs.setdefault(output.node, set()).add(output.blob)
    for node, each in facts.items():
        if not each.makes_any_blob:
            yield from _undefined_in(
                each, known.get(node, set()) | outputs[node], partial(_written_elsewhere, facts, node)
            )


def _written_elsewhere(facts: Facts, node: str, blob: str) -> str | None:
    """Another node on which a blob is written, if there is one."""
    return next((other for other, theirs in facts.items() if other != node and blob in theirs.written), None)


def _undefined_in(
    facts: PlanFacts, known: set[str], written_elsewhere: Callable[[str], str | None]
) -> Iterator[Problem]:
    said: set[tuple[int, str]] = set()
    for visit in visits(facts.plan, known):
        if visit.net is None:
            until = visit.step.until
            if until is not None and visit.certain and not visit.scope.sees(until):
                message = f"step {visit.step.name!r} stops on {until!r}, which nothing makes"
                near = did_you_mean(until, visit.scope.all_writers())
                yield Problem("TP106", "undefined stop blob", message + near, _path(visit), visit.step.site)
        elif visit.net in facts.nets:
            for name, place in _unseen(facts.nets[visit.net], visit):
                if (id(place.op), name) not in said:
                    said.add((id(place.op), name))
                    yield _undefined(name, place, visit, written_elsewhere(name))


def _unseen(net: NetDef, visit: Visit) -> Iterator[tuple[str, OpPlace]]:
    """What a net's operators read and nothing before them made, each name once; their outputs go into the scope."""
    scope = visit.scope
    for place in operators(net):
        if place.lazy:
            continue
        for name in place.op.inputs:
            if visit.certain and name not in scope.reported and not scope.sees(name):
                scope.reported |= {name}
                yield name, place
        for name in place.op.outputs:
            if not scope.sees(name):
                scope.writers[name] = place


def _undefined(name: str, place: OpPlace, visit: Visit, writing_node: str | None) -> Problem:
    where = place.where(visit.task, visit.node)
    if writing_node is not None:
        message = (
            f"{place.op.type} reads {name!r}, which is written on node {writing_node!r}: nodes share no blobs; send it "
            "through a Channel, or use LocalSession(ws, shared_nodes=True)"
        )
        return Problem("TP107", "blob of another node", message, where, place.op.site)
    message = f"{place.op.type} reads {name!r}, which nothing writes before it"
    writers = visit.scope.all_writers()
    hints = [
        f"{near!r}, written by op {writers[near].number} of net {writers[near].net.name!r} ({writers[near].op.site})"
        for near in near_names(name, writers)
    ]
    return Problem("TP106", "undefined blob", message, where, place.op.site, near=", or ".join(hints))


def wrong_externals(facts: Facts) -> Iterator[Problem]:
    """Nets that list their external blobs, and not all of them: the engine refuses to make these."""
    for each in facts.values():
        found = {name: problem for name, net in each.nets.items() if (problem := _wrong_external(net)) is not None}
        made = {visit.net: visit for visit in visits(each.plan, set()) if visit.certain} if found else {}
        for name, problem in found.items():
            if name in made:
                yield problem.at(f"{_path(made[name])} > {problem.where}")


def _wrong_external(net: NetDef) -> Problem | None:
    if not net.external_inputs and not net.external_outputs:
        return None
    defined = set(net.external_inputs)
    for number, op in enumerate(net.ops, 1):
        for blob in op.inputs if net.external_inputs else ():
            if blob not in defined:
                message = f"{op.type} reads {blob!r}, which its net neither writes before it nor has as an input"
                place = OpPlace(op, number, net)
                return Problem("TP109", "no external input", message, place.where(), op.site)
        defined.update(op.outputs)
    for blob in net.external_outputs:
        if blob not in defined:
            message = f"net {net.name!r} declares the output {blob!r}, which it neither writes nor takes as an input"
            return Problem("TP109", "no external output", message, f"net {net.name!r}", net.site)
    return None


def _path(visit: Visit) -> str:
    task = f"task {visit.task!r} on node {visit.node!r} > " if visit.task is not None else ""
    return f"{task}step {visit.step.name!r}"


def unwritten_outputs(program: ProgramDef, facts: Facts, known: Known) -> Iterator[Problem]:
    """Outputs that no operator of their node writes and that are not there already."""
    proved = {node: plan.written | known.get(node, set()) for node, plan in facts.items() if not plan.makes_any_blob}
    for output in program.outputs:
        here = proved.get(output.node)
        if here is not None and output.blob not in here:
            owner = f" of task {output.task!r}" if output.task else ""
            message = f"output {output.blob!r}{owner} is written by no operator on node {output.node!r}"
            yield Problem("TP108", "unwritten output", message + did_you_mean(output.blob, here), site=output.site)


def unwritten_channels(program: ProgramDef, facts: Facts) -> Iterator[Problem]:
    """Channels that somebody reads and nobody writes: their readers would wait for ever."""
    if not program.channels or any(plan.makes_any_blob for plan in facts.values()):
        return
    ops = [op for plan in facts.values() for op in plan.ops]
    for channel in program.channels:
        blob = channel_blob(channel.name)
        if not channel.writers and not any(blob in op.inputs and _puts(op) for op in ops):
            message = f"channel {channel.name!r} has readers and no writer; call writer() in the task that fills it"
            yield Problem("TP110", "unwritten channel", message, site=channel.site)


def unwritten_queues(facts: Facts) -> Iterator[Problem]:
    """Queues that the program makes, of which tasks say that they read them, and that nobody writes or closes."""
    for node, plan in facts.items():
        if plan.makes_any_blob:
            continue
        read = {op.inputs[0]: op.site for op in plan.ops if op.type == "BeginReads"}
        made = [op.outputs[0] for op in plan.ops if op.type == "CreateBlobsQueue" and op.outputs[0] in read]
        for blob in made:
            if not any(blob in op.inputs and op.type != "EndReads" and _does(op, Puts, Closes) for op in plan.ops):
                others = [
                    other
                    for other, its in facts.items()
                    if other != node and any(op.type == "BeginWrites" and blob in op.inputs for op in its.ops)
                ]
                message = f"queue {blob!r} has readers and no writer; write to it in a task of the same group"
                if others:
                    message = (
                        f"queue {blob!r} is read on node {node!r} and written on node {others[0]!r}, where it is "
                        "another one; use a Channel, which nodes share"
                    )
                yield Problem("TP110", "unwritten queue", message, site=read[blob])


def _puts(op: OpDef) -> bool:
    return _does(op, Puts)


def _does(op: OpDef, *kinds: type[Reason]) -> bool:
    return is_operator(op.type) and any(isinstance(effect, kinds) for effect in declaration(op.type).effects)
