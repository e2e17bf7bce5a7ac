"""The policy: what a step does next, written once, over a driver.

No thread, lock or clock stands here. Children that run together are jobs that the driver spawns; joining them, a
reporter's interval and a time limit are waits on the group, like any wait on a queue.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from taskplan.engine.bound import FALSE, TRUE, BoundStep, bind, is_true, limit_of
from taskplan.engine.cells import CellSpace
from taskplan.engine.failures import Failed
from taskplan.engine.groups import Group, end_member, join_or_abandon, member, start, with_time_limit
from taskplan.engine.run import Run
from taskplan.engine.strand import CURRENT, Loop, Role, Strand
from taskplan.errors import Cancelled
from taskplan.events import TaskEnded, TaskStarted
from taskplan.operators.waiting import TIMED_OUT, Interval
from taskplan.plan.model import StepDef

SHORTEST_INTERVAL_S = 0.001
"""Between two reports: plans of others may ask for none, and would report all the time."""


def perform(step: BoundStep, run: Run) -> None:
    """Do what `step` says, in its workspace; return when it is done or stopped.

    Raises:
        Cancelled: the run is ending for another reason.
        Failed: something in the step failed.
    """
    definition = step.definition
    if not definition.create_workspace and not definition.closing and definition.task is None:
        _perform_entered(step, run)
        return
    if run.shared.observe is not None:
        _tell(run, definition, started=True)
    failed = True
    try:
        if definition.create_workspace:
            _perform_in_child(step, run)
        else:
            _perform_with_closing(step, run)
        failed = False
    finally:
        if definition.task is not None:
            run.shared.ended_tasks.add((definition.task, definition.node))
        if run.shared.observe is not None:
            _tell(run, definition, started=False, failed=failed)


def _tell(run: Run, step: StepDef, *, started: bool, failed: bool = False) -> None:
    observe = run.shared.observe
    if observe is None or step.task is None:
        return
    now, node = run.driver.now(), step.node or ""
    observe(TaskStarted(step.task, node, now) if started else TaskEnded(step.task, node, now, failed))


def _perform_in_child(step: BoundStep, run: Run) -> None:
    try:
        child = run.child_space(step.space)
        for name in step.definition.own:
            child.local_cell(name)
        if run.plan.facts(step.definition).sequential:
            run.confined.add(child)
        entered = bind(step.definition, child, run, step.parent, entered=True)
        entered.label = step.label
    except Failed:
        raise
    except Exception as error:
        raise Failed(error) from None
    try:
        _perform_with_closing(entered, run)
    finally:
        run.forget(child)
        entered.unbind()


def _perform_with_closing(step: BoundStep, run: Run) -> None:
    if not step.definition.closing:
        _perform_entered(step, run)
        return
    try:
        _perform_entered(step, run)
    except (Failed, Cancelled) as signal:
        if isinstance(signal, Failed):
            run.shared.fail(signal)  # siblings stop first: closing blocks come when the failure has been settled
        close(step, run)
        raise
    except BaseException as error:  # of a signal's handler, on the main thread
        failure = run.shared.settle(error)
        close(step, run)
        raise failure from None
    close(step, run)


def close(step: BoundStep, run: Run) -> None:
    """Run the closing blocks of a step, last registered first, under a token of their own.

    What fails here counts as a failure of the run, and the other blocks run all the same.
    """
    strand = CURRENT.get() or Strand(run.shared, step.definition.name)
    strand.closing += 1
    try:
        _close_in_reverse(step, run)
    finally:
        strand.closing -= 1


def _close_in_reverse(step: BoundStep, run: Run) -> None:
    shared = run.shared
    for definition in reversed(step.definition.closing):
        closing = run.under(shared.closing_token())
        try:
            action = partial(bind_and_perform, definition, step.space, closing, step)
            with_time_limit(action, closing, run.driver.grace_s, f"closing block {definition.name!r}")
        except Failed as failure:
            step.tell_path(failure)
            failure.on_node(run.node)
            shared.fail(failure)
        except Cancelled:
            pass
        finally:
            closing.close()


def bind_and_perform(definition: StepDef, space: CellSpace, run: Run, parent: BoundStep | None = None) -> None:
    """Do what a step says, from making its nets to letting go of them. `parent` is the step that it closes, if any."""
    step = bind(definition, space, run, parent)
    try:
        perform(step, run)
    finally:
        step.unbind()


def _perform_entered(step: BoundStep, run: Run) -> None:
    limit_s = step.definition.timeout_s
    if limit_s is not None:
        what = f"block {step.definition.name!r}"
        with_time_limit(partial(_perform_in_time, step, run), run, limit_s, what, step)
    elif not step.reporters and step.report_net is None:
        _iterate(step, run)
    else:
        _perform_with_reporters(step, run)


def _perform_in_time(step: BoundStep, run: Run) -> None:
    (_perform_with_reporters if step.reporters or step.report_net is not None else _iterate)(step, run)


def _perform_with_reporters(step: BoundStep, run: Run) -> None:
    siblings = Group(step.definition.name, [step.definition.name])
    reporting = _start_reporters(step, run, siblings)
    try:
        _iterate(step, run)
    except (Failed, Cancelled) as signal:
        if isinstance(signal, Failed):
            run.shared.fail(signal)  # before the reporters hear of the end, since theirs comes later then
        _report_at_the_end(step, run)
        raise
    finally:
        end_member(siblings, 0, run.shared)
        join_or_abandon(reporting, run)
    if run.token.cancelled:
        raise Cancelled


def _start_reporters(step: BoundStep, run: Run, siblings: Group) -> Group:
    reports: list[tuple[float, Callable[[], None]]] = [
        ((reporter.definition.every_ms or 0) / 1000, partial(perform, reporter, run)) for reporter in step.reporters
    ]
    if step.report_net is not None:
        reports.append((step.definition.report_interval_s or 0, step.report_net.perform))
    group = Group(f"{step.definition.name} reporters", ["reporter"] * len(reports))
    _contend(step, run)
    definitions = [reporter.definition for reporter in step.reporters]
    if step.report_net is not None:
        definitions.append(StepDef(step.report_net.prepared.net.name, nets=(step.report_net.prepared.net.name,)))
    jobs = []
    for number, ((every_s, report), definition) in enumerate(zip(reports, definitions, strict=True)):
        strand = Strand(run.shared, f"reporter {definition.name!r}", Role.REPORT, group, CURRENT.get())
        strand.does(run.plan, (definition,), step.space)
        action = partial(_report, every_s, report, siblings, run)
        jobs.append((partial(member, group, number, run, partial(_begin, action, run), step), strand, False))
    start(group, jobs, run.shared)
    return group


def _report(every_s: float, report: Callable[[], None], siblings: Group, run: Run) -> None:
    """Report after each interval, counted from the end of the last report, and once after the siblings ended."""
    every_s = max(every_s, SHORTEST_INTERVAL_S)
    while run.driver.wait(Interval(siblings), siblings.all_ended, run.token, every_s) is TIMED_OUT:
        report()
    report()


def _report_at_the_end(step: BoundStep, run: Run) -> None:
    """After a failure, the last report is made when all closing blocks have run (`Attempted.last_reports`)."""
    for reporter in step.reporters:
        run.shared.last_reports.append(partial(_last_report, step, reporter, run.under(run.shared.closing_token())))


def _last_report(step: BoundStep, reporter: BoundStep, run: Run) -> None:
    try:
        bind_and_perform(reporter.definition, reporter.space, run)
    except Failed as failure:
        step.tell_path(failure)
        raise
    finally:
        run.close()


def _iterate(step: BoundStep, run: Run) -> None:
    """Do the rounds of a step, interpreted, and from some round on compiled."""
    limit = limit_of(step.definition)
    compiler = run.shared.compiler
    if compiler is None:
        _interpret(step, run, limit, math.inf)
        return
    iteration = _interpret(step, run, limit, compiler.first_look(step, run, limit))
    while iteration is not None:
        compiled = compiler.take_up(step, run, perform)
        if compiled is not None:
            compiled.perform(iteration)
            return
        iteration = _interpret(step, run, limit, math.inf, iteration)


def _interpret(step: BoundStep, run: Run, limit: float, look_at: float, iteration: int = 0) -> int | None:
    """Do the rounds of a step from `iteration` on; return `look_at` before that round, None when all is done."""
    if look_at <= iteration:
        return iteration
    definition, stop, token = step.definition, step.stop, run.token
    together = step.together
    strand = CURRENT.get() or Strand(run.shared, definition.name)
    around, strand.step = strand.step, step
    loop = Loop(step, strand.loop) if limit > 1 else None
    if loop is not None:
        strand.loop = loop
    try:
        while iteration < limit:
            if iteration >= look_at:
                return iteration
            if token.cancelled:
                raise Cancelled
            if loop is not None:
                loop.iteration = iteration
            if together:
                step.iteration = iteration
                _together(step, run)
                if stop is not None and is_true(stop):
                    return None
            elif step.nets:
                for net in step.nets:
                    net.perform()
                    if stop is not None and (stop.value is TRUE or (stop.value is not FALSE and is_true(stop))):
                        return None
            else:
                for child in step.steps:
                    perform(child, run)
                    if stop is not None and is_true(stop):
                        return None
            iteration += 1
    except Failed as failure:
        failure.passed_step(definition, iteration, step.label)
        raise
    finally:
        strand.step = around
        if loop is not None:
            strand.loop = loop.outer
            run.plan.way(definition).rounds += iteration
    return None


def _together(step: BoundStep, run: Run) -> None:
    """Start all children, as often as there are instances, and wait until all have ended."""
    children, instances = step.steps, max(1, step.definition.instances or 1)
    group = Group(step.definition.name, [_called(child) for child in children] * instances)
    _contend(step, run)
    parent = CURRENT.get()
    jobs: list[tuple[Callable[[], None], Strand, bool]] = []
    for number in range(len(children) * instances):
        child = children[number % len(children)]
        if instances > 1:
            child = replace(child, label=f"instance {number // len(children) + 1} of {instances}")
        job = partial(member, group, number, run, partial(_begin, partial(perform, child, run), run), step)
        strand = Strand(run.shared, _called(child), Role.WORK, group, parent)
        strand.does(run.plan, (child.definition,), child.space)
        jobs.append((job, strand, run.plan.is_brief(child.definition)))
    start(group, jobs, run.shared)
    join_or_abandon(group, run)
    if run.token.cancelled:
        raise Cancelled


def _begin(action: Callable[[], None], run: Run) -> None:
    """Do what a member of a group is for, unless the run has ended before it could begin."""
    if not run.token.cancelled:
        action()


def _contend(step: BoundStep, run: Run) -> None:
    """Where strands take turns, they do so over what the parts of a step that is about to begin have in common."""
    if run.driver.turns is not None:
        run.driver.turns.contend(step.space, run.plan.contested(step.definition))


def _called(step: BoundStep) -> str:
    definition = step.definition
    return f"step {definition.name!r}" if definition.task is None else f"task {definition.task!r}"
