"""Messages that are sent again until they arrive: loops, a stop guard, branches and counters.

Each message is tried three times at most. It prints::

    message 3 is given up
    message 7 is given up
    2 at once, 4 after trying again, 2 given up
"""

from taskplan import LocalSession, Task, TaskGroup, final_output, ops

MESSAGES = 8
ATTEMPTS = 3


def send(message: int, attempt: int) -> bool:
    """Whether the message arrives; every fourth one does at once, every fourth one never."""
    return bool(attempt >= message % 4)


def show_given_up(message: int) -> None:
    """Say that a message did not arrive."""
    print(f"message {message} is given up")


with TaskGroup() as program, Task(name="send"):
    at_once, again, given_up = (ops.CreateCounter([]) for _ in range(3))
    with ops.loop(MESSAGES) as messages:
        with ops.stop_guard() as guard:
            with ops.loop(ATTEMPTS) as attempts:
                arrived = ops.call(send, messages.iter(), attempts.iter())
                ops.stop_if(arrived)  # leaves the innermost block, which is the loop
            ops.stop_if(arrived)  # leaves the guarded block, and the guard knows it
            ops.call(show_given_up, messages.iter(), outputs=0)
        with ops.If(ops.Not(guard.has_stopped())) as branch:
            ops.CountUp(given_up)
        with branch.Elif(ops.EQ([attempts.iter(), ops.Const(0)])):
            ops.CountUp(at_once)
        with branch.Else():
            ops.CountUp(again)
    result = final_output([ops.RetrieveCount(counter) for counter in (at_once, again, given_up)])

if __name__ == "__main__":
    with LocalSession() as session:
        session.run(program)
    print("{} at once, {} after trying again, {} given up".format(*result.fetch()))
