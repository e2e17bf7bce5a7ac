"""Draws random pipelines from a seed."""

from __future__ import annotations

from collections.abc import Sequence

from tests.soak.draws import Draws
from tests.soak.flows import SPAN, End, Flow, Job, Source, Stage

from taskplan.testing import Fault

NODES = ("local", "a", "b")

LONGEST_DELAY_S = 0.002
"""Of faults, in virtual time."""

FAILING = (
    *("OpenSource", "ReadSource", "OpenSink", "WriteSink", "CommitSink", "AtomicAppend", "CountDown", "Call", "Copy"),
    *("CreateBlobsQueue", "BeginReads", "BeginWrites", "SafeDequeueBlobs", "SafeEnqueueBlobs", "EndReads", "EndWrites"),
    *("CreateLine", "EnterLine", "LetNextIn", "AwaitTurn", "LeaveLine", "TimerEnd", "LatchIf"),
)

STAGES = (1, 2, 2, 2, 3, 3, 4, 5)
THREADS = (1, 1, 1, 1, 2, 2, 3, 4)


class Flows:
    """Draws the pipelines of a program.

    Args:
        seed: says what is drawn.

    Attributes:
        flows: the pipelines.
        end: how the program is to end.
        faults: what goes wrong in simulations.
        is_private: its tasks have workspaces of their own.
    """

    def __init__(self, seed: object) -> None:
        self._draws = draws = Draws(f"pipelines {seed}")
        self._sources = 0
        self.end = draws.choice([End.RIGHT, End.FAIL, End.FAIL, End.STOP, End.STOP, End.CANCEL])
        ends = [self.end] + [self._beside() for _ in range(draws.choice([0, 0, 0, 0, 1, 1, 2]))]
        self.flows = [self._flow(f"f{number}", end, is_first=not number) for number, end in enumerate(ends)]
        self.is_private = draws.chance(0.8)
        self.faults = [self._fault() for _ in range(draws.choice([0, 0, 0, 1, 2]))]

    def _fault(self) -> Fault:
        draws = self._draws
        job = draws.choice([job for flow in self.flows for stage in flow.stages for job in stage.jobs])
        kind = draws.choice(["kill", "fail", "delay"])
        if kind == "kill":
            return Fault(f"task:{job.name}", "kill", nth=draws.choice([draws.randint(1, 12), draws.randint(1, 200)]))
        if kind == "fail":
            return Fault(draws.choice(FAILING), "fail", nth=draws.choice([1, draws.randint(1, 30)]))
        delay_s, probability = draws.uniform(0.0, LONGEST_DELAY_S), draws.choice([0.02, 0.3])
        return Fault(draws.choice(["*", f"task:{job.name}"]), "delay", probability, None, delay_s, draws.randint(1, 9))

    def _beside(self) -> End:
        """How the other pipelines end."""
        if self.end in (End.RIGHT, End.STOP):
            return self._draws.choice([End.RIGHT, End.RIGHT, End.STOP])
        return self._draws.choice([End.RIGHT, End.RIGHT, End.CANCEL])

    def _flow(self, name: str, end: End, *, is_first: bool) -> Flow:
        draws = self._draws
        node = draws.choice(NODES) if draws.chance(0.3) else "local"
        # In a simulation what has no queue takes no turns: alone, it goes on for 10,000 operators before others do.
        lengths = [length for length in STAGES if length > 1] if end is End.CANCEL else STAGES
        stages = [self._stage(f"{name}_s{number}", number) for number in range(draws.choice(lengths))]
        for stage, following in zip(stages, [*stages[1:], None], strict=True):
            stage.node = node
            if following is None:
                self._draw_sinks(stage)
            elif self._draw_link(stage) == "channel":
                node = draws.choice(NODES)
        sources = [self._source(f"{job.name}_in") for job in stages[0].jobs]
        flow = Flow(name, end, sources, stages, kind=end.value)
        if end is End.CANCEL and draws.chance(0.6 if is_first else 1.0):
            self._make_endless(flow)
        if end is End.STOP:
            self._draw_stop(flow)
        if end is End.FAIL or (is_first and end in (End.STOP, End.CANCEL) and draws.chance(0.2)):
            self._draw_failure(flow)
        elif end is End.RIGHT:
            self._draw_loose_limits(flow)
        return flow

    # --- stages -------------------------------------------------------------------------------------------------------

    def _stage(self, name: str, number: int) -> Stage:
        draws = self._draws
        jobs = [self._job(f"{name}_t{task}") for task in range(draws.choice([1, 1, 1, 1, 2, 2, 3]))]
        stage = Stage(name, "", jobs)
        if draws.chance(0.7):
            stage.change = draws.randint(2, 9), draws.randint(0, 99)
            for job in jobs:
                job.form = draws.choice(["batch", "ops", "ops", "output", "net"])
                job.inlined = draws.chance(0.2)
        if draws.chance(0.12):
            stage.keeps = draws.randint(2, 4)
            for job in jobs:
                job.form = "batch"
        if number:
            for job in jobs:
                job.wraps = self._delays()
        return stage

    def _job(self, name: str) -> Job:
        draws = self._draws
        return Job(name, draws.choice(THREADS), static=draws.chance(0.4), ordered=draws.chance(0.4))

    def _delays(self) -> list[tuple[str, float]]:
        return [("delay", self._draws.choice([0.0, 0.0001, 0.0005]))] if self._draws.chance(0.06) else []

    def _draw_link(self, stage: Stage) -> str:
        draws = self._draws
        stage.link = draws.choice(["queue", "queue", "queue", "channel"])
        if len(stage.jobs) == 1 and draws.chance(0.4):
            stage.link = "pipe"
        stage.capacity = draws.randint(1, 10)
        stage.dequeues = draws.choice([1, 1, 1, 2, 3]) if stage.link == "queue" else 1
        return stage.link

    def _draw_sinks(self, stage: Stage) -> None:
        kind = self._draws.choice(["callback", "file", "file", "sink", "dataset", "eaten"])
        for job in stage.jobs:
            job.sink = kind if kind == "dataset" else self._draws.choice([kind, "callback", "file"])

    # --- sources ------------------------------------------------------------------------------------------------------

    def _source(self, name: str) -> Source:
        draws = self._draws
        self._sources += 1
        kind = draws.choice(["count", "items", "items", "rows", "parts", "dataset", "composite"])
        batches = draws.choice([0, 1, *[draws.randint(2, 25)] * 8])
        size = draws.randint(1, 5)
        sizes = [draws.randint(1, 5) if kind in ("items", "composite") else size for _ in range(batches)]
        if kind == "count":
            size, sizes = 1, [1] * batches
        source = Source(name, kind, self._sources * SPAN, sizes, size)
        if kind == "parts":
            source.parts = draws.randint(1, 4)
        if kind == "composite":
            source.parts = max(0, batches + draws.randint(-2, 2))
            source.queued = draws.chance(0.4)
        source.wraps = self._delays()
        return source

    def _make_endless(self, flow: Flow) -> None:
        """Let one of its sources go on, if one can."""
        ready = [source for source in flow.sources if source.kind in ("count", "items", "rows")]
        if ready:
            self._draws.choice(ready).endless = True

    def _limit(self, source: Source, limit: tuple[str, float]) -> None:
        source.wraps.insert(self._draws.randint(0, len(source.wraps)), limit)

    def _draw_loose_limits(self, flow: Flow) -> None:
        """Limits that nothing reaches, or that are reached exactly."""
        for source in flow.sources:
            if self._draws.chance(0.15):
                self._limit(source, ("limit", len(source.sizes) + self._draws.choice([0, 0, 1, 5])))
            if self._draws.chance(0.05):
                self._limit(source, ("time", 10_000.0))

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _draw_stop(self, flow: Flow) -> None:
        draws = self._draws
        number = draws.randrange(len(flow.stages))
        stage = flow.stages[number]
        kinds = ["limit", "limit", "time"]
        if number:
            kinds += ["stage limit", "stage time"]
        if flow.passing(number):
            kinds += ["should_stop", "should_stop", "stop_all", "stop_all"]
        flow.kind = kind = draws.choice(kinds)
        if kind in ("limit", "time"):
            self._draw_source_limit(flow, kind)
            return
        if kind in ("stage limit", "stage time"):
            wrap = ("limit", draws.randint(0, 12)) if kind == "stage limit" else ("time", draws.uniform(0.0002, 0.003))
            for job in stage.jobs:
                job.wraps.insert(draws.randint(0, len(job.wraps)), wrap)
        else:
            how = draws.choice(["returned", "stop_if", "output", "net"]) if kind == "should_stop" else kind
            stage.keeps = 0
            if kind == "stop_all" and draws.chance(0.6):
                stage.jobs[0].threads = draws.randint(2, 4)
            stage.stops_at = draws.choice(flow.passing(number)[:60]), how
        ends_all = kind != "should_stop" or stage.threads == 1
        if ends_all and (number or len(stage.jobs) == 1) and not flow.has_all() and draws.chance(0.7):
            self._make_endless(flow)

    def _draw_source_limit(self, flow: Flow, kind: str) -> None:
        draws = self._draws
        for source in flow.sources:
            how = kind if source is flow.sources[0] else draws.choice([kind, "limit", "none"])
            if how == "none":
                continue
            source.endless = source.kind in ("count", "items", "rows") and draws.chance(0.5)
            much = draws.uniform(0.0002, 0.003) if how == "time" else draws.randint(0, 20)
            self._limit(source, (how, much))
            if draws.chance(0.2):
                self._limit(source, ("limit", draws.randint(0, 20)))

    def _draw_failure(self, flow: Flow) -> None:
        draws = self._draws
        flow.may_fail = True
        number = draws.randrange(len(flow.stages))
        places = ["sink open"]
        if flow.end is End.FAIL:
            places.append("sink commit")
        sources = [each for each in flow.sources if each.kind in ("items", "rows", "parts")]
        if sources:
            places += ["source", "source"]
        if flow.passing(number):
            places += ["processor"] * 4
        last = flow.stages[-1]
        if flow.passing(len(flow.stages)) and not any(job.sink in ("dataset", "eaten") for job in last.jobs):
            places += ["sink", "sink"]
        place = draws.choice(places)
        self._place_failure(flow, place, number, sources)
        if flow.end is End.FAIL and place != "sink commit" and draws.chance(0.3):
            self._make_endless(flow)

    def _place_failure(self, flow: Flow, place: str, number: int, sources: Sequence[Source]) -> None:
        draws = self._draws
        last = flow.stages[-1]
        if place == "source":
            source = draws.choice(sources)
            most = source.parts - 1 if source.kind == "parts" else sum(source.sizes) if source.kind == "rows" else None
            source.fails_at = draws.randint(0, len(source.sizes) if most is None else most)
            source.is_bad = source.kind != "rows" and draws.chance(0.3)
        elif place == "processor":
            flow.stages[number].refused = draws.choice(flow.passing(number))
        elif place == "sink":
            last.sink_refused = draws.choice(flow.passing(len(flow.stages)))
        else:
            job = draws.choice(last.jobs)
            job.sink = draws.choice(["file", "sink"]) if job.sink != "dataset" or len(last.jobs) == 1 else "file"
            job.sink_fails_at = place.removeprefix("sink ")
        flow.kind = f"{place} fails" if flow.end is End.FAIL else f"{flow.kind}, {place} may fail"
