"""Two tasks on two nodes: one sends the numbers 0 to 4 through a channel, the other adds them up and prints 10."""

from taskplan import Channel, LocalSession, Node, Task, TaskGroup, final_output, ops

with TaskGroup() as program:
    numbers = Channel("numbers", capacity=2, schema=["n"])
    with Node("reader"), Task(name="read"):
        with ops.loop(5) as loop:
            numbers.writer().write(None, [ops.Copy(loop.iter())])
    with Node("adder"), Task(name="add"):
        total = ops.Const(0)
        with ops.loop():
            done, record = numbers.reader().read()
            ops.stop_if(done)
            ops.Add([total, record.n()], [total])
        result = final_output(total)

if __name__ == "__main__":
    with LocalSession() as session:
        session.run(program)
    print(result.fetch())
