"""Runs random programs with known right results for as long as it is told; see `python -m tests.soak --help`."""

from __future__ import annotations

import itertools
import math
import sys
import traceback
from collections.abc import Iterator
from functools import partial

import click
from tests.soak.guard import LIMIT_S, Guard
from tests.soak.simulating import SCHEDULES, soak_simulated
from tests.soak.soaking_kills import KillTally, soak_kills
from tests.soak.soaking_on_ray import LIMIT_S as LIMIT_ON_RAY_S
from tests.soak.soaking_on_ray import ON_RAY, soak_on_ray
from tests.soak.soaking_pipelines import (
    SCHEDULES_OF_PIPELINES,
    PipelineTally,
    soak_pipelines_on_threads,
    soak_pipelines_simulated,
)
from tests.soak.tally import Tally, WrongError
from tests.soak.threads import soak_threads
from tests.soak.tiers import TierTally, soak_tiers


@click.command()
@click.option("--seed", default=0, show_default=True, help="The number of the first run.")
@click.option("--minutes", default=math.inf, help="How long it goes on.")
@click.option("--runs", type=int, help="How many runs there are at most.")
@click.option("--shard", default="0/1", show_default=True, help="I/N: the part I, from 0, of N equal ones.")
@click.option("--threads", is_flag=True, help="On real threads, with failures and cancels at random moments.")
@click.option("--pipelines", is_flag=True, help="Pipelines: readers, stages with threads, queues, sinks.")
@click.option("--kills", is_flag=True, help="Pipelines on processes, whose nodes are killed or stopped, or that fail.")
@click.option("--tiers", is_flag=True, help="The same programs interpreted, as generated Python and as native code.")
@click.option("--ray-claims", "on_ray", flag_value="--ray-claims", help="All that every session must do, on Ray.")
@click.option("--ray-kills", "on_ray", flag_value="--ray-kills", help="Pipelines on Ray; nodes are killed or stopped.")
@click.option("--raylets", "on_ray", flag_value="--raylets", help="The same; a raylet is, with all its processes.")
def main(
    seed: int,
    minutes: float,
    runs: int | None,
    shard: str,
    threads: bool,
    pipelines: bool,
    kills: bool,
    tiers: bool,
    on_ray: str | None,
) -> None:
    """Run random programs, and check how each run ends.

    Runs have numbers, which say all that is random in them. Simulated ones are replayed, too.
    """
    if runs is None and minutes == math.inf and on_ray != "--ray-claims":
        msg = "say for how long: --minutes or --runs"
        raise click.UsageError(msg)

    chosen = {"--pipelines": pipelines, "--threads": threads, "--kills": kills, "--tiers": tiers}
    chosen |= {option: on_ray == option for option in ON_RAY}
    options = "".join(f" {option}" for option, is_chosen in chosen.items() if is_chosen)

    def command(number: int) -> str:
        return f"python -m tests.soak --seed {number} --runs 1{options}"

    with Guard(command, LIMIT_ON_RAY_S if on_ray else LIMIT_S) as guard:
        kind = KillTally if kills else PipelineTally if pipelines else TierTally if tiers else Tally
        tally = (ON_RAY[on_ray] if on_ray else kind)(minutes, runs, guard.begins)
        schedules = SCHEDULES_OF_PIPELINES if pipelines else SCHEDULES
        numbers = _numbers(seed, shard, 1 if threads or kills or tiers or on_ray else schedules)
        try:
            (soak_on_ray if on_ray else partial(_soak, threads=threads))(numbers, tally)
        except WrongError as error:
            click.echo(f"{error}")
            _fail(command(tally.number), seed, tally)
        except Exception:
            traceback.print_exc()
            _fail(command(tally.number), seed, tally)
    click.echo("\n".join(tally.lines()))


def _soak(numbers: Iterator[int], tally: Tally, threads: bool) -> None:
    if isinstance(tally, KillTally):
        soak_kills(numbers, tally)
    elif isinstance(tally, TierTally):
        soak_tiers(numbers, tally)
    elif isinstance(tally, PipelineTally):
        (soak_pipelines_on_threads if threads else soak_pipelines_simulated)(numbers, tally)
    else:
        (soak_threads if threads else soak_simulated)(numbers, tally)
        tally.check_shares(with_faults=not threads)


def _fail(command: str, seed: int, tally: Tally) -> None:
    click.echo("\n".join(tally.lines()))
    click.echo(
        f"after {tally.runs} good runs from {seed} on, run {tally.number} is wrong; to have it again:\n  {command}"
    )
    sys.exit(1)


def _numbers(seed: int, shard: str, size: int) -> Iterator[int]:
    """The numbers of the runs of a shard; so many in a row belong together."""
    index, found, count = shard.partition("/")
    if not (found and index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        msg = f"a shard is I/N, with I from 0 to N - 1, got {shard!r}"
        raise click.UsageError(msg)
    return (number for number in itertools.count(seed) if number // size % int(count) == int(index))


if __name__ == "__main__":
    main()
