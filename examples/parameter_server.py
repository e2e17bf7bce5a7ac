"""A parameter server: workers send gradients, the server goes downhill and sends back what the parameters are now.

Nobody waits for the slowest worker, so a gradient may belong to parameters that have changed since. It prints, after
some lines of progress::

    the server ends with 3.00 x + 2.00
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from taskplan import Channel, LocalSession, Node, Task, TaskGroup, ops

WORKERS = 4
STEPS = 2_000

Values = npt.NDArray[np.float32]


def gradient(worker: int, line: Values) -> tuple[Values, float]:
    """The gradient of the squared error on this worker's own points of the line 3 x + 2; and the error."""
    x = np.linspace(-1, 1, 50, dtype=np.float32)[worker::WORKERS]
    points = np.stack([x, np.ones_like(x)])
    off = line @ points - (3 * x + 2)
    return (points * off).mean(axis=1), float((off**2).mean())


def show_progress(step: int, error: float) -> None:
    """What the reporter prints."""
    print(f"step {step}: error {error:.2g}")


def show_end(line: Values) -> None:
    """What the closing block prints."""
    print("the server ends with {:.2f} x + {:.2f}".format(*line))


def build(gradient: Callable[[int, Values], tuple[Values, float]] = gradient, steps: int = STEPS) -> TaskGroup:
    """The program; `gradient` is what workers compute."""
    # For each worker one set of parameters or one gradient is on the way, so the channels are never full.
    parameters = Channel("parameters", capacity=WORKERS, schema=["line"])
    gradients = Channel("gradients", capacity=WORKERS, schema=["gradient", "error"])
    with TaskGroup() as program:
        with Node("server"):
            serve(parameters, gradients, steps)
        with Node("workers"):
            work(parameters, gradients, gradient)
    return program


def serve(parameters: Channel, gradients: Channel, steps: int) -> None:
    """Start all workers, then take their gradients as they come."""
    with Task(name="serve"):
        with ops.task_init():
            line = ops.ConstantFill([], shape=[2], value=0.0)
            error = ops.Const(np.inf)
            step = ops.Const(0)
        with ops.task_reporter(interval_ms=100):
            ops.call(show_progress, step, error, outputs=0)
        with ops.task_finally():  # whether the run ends well or not
            ops.call(show_end, line, outputs=0)
        with ops.loop(WORKERS):
            parameters.writer().write(None, [ops.Copy(line)])
        with ops.loop(steps):
            ended, record = gradients.reader().read()
            ops.stop_if(ended)
            ops.Sub([line, ops.Scale(record.gradient(), scale=0.1)], [line])
            ops.Copy(record.error(), error)
            ops.Add([step, ops.Const(1)], [step])
            parameters.writer().write(None, [ops.Copy(line)])


def work(parameters: Channel, gradients: Channel, gradient: Callable[[int, Values], tuple[Values, float]]) -> None:
    """Turn parameters into gradients until the server has ended."""
    with Task(name="work", num_instances=WORKERS):
        with ops.task_init():
            mutex = ops.CreateMutex([])
            numbers_taken = ops.Const(0)
        with ops.task_instance_init():
            # Under the mutex, so that no two workers have the same number.
            _, number = ops.AtomicFetchAdd64([mutex, numbers_taken, ops.Const(1)], [numbers_taken, "number"])
        with ops.loop():
            ended, record = parameters.reader().read()
            ops.stop_if(ended)
            gradients.writer().write(None, ops.call(gradient, number, record.line(), outputs=2))


if __name__ == "__main__":
    with LocalSession() as session:
        session.run(build())
