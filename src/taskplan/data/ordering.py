"""Order among the instances of a pipe: they read one after the other, and write in the order in which they read."""

from __future__ import annotations

from collections.abc import Sequence

from taskplan.builder.blobs import BlobReference
from taskplan.builder.dataio import Fields, Reader
from taskplan.builder.net import Net
from taskplan.data.wrapping import WrappingReader
from taskplan.errors import BuildError


class OrderedReader(WrappingReader):
    """Reads from another reader, one instance of the task at a time; each record has its place in a line.

    Args:
        reader: the other reader.
    """

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._line: BlobReference | None = None
        self._number: BlobReference | None = None

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Set up the reader, and the line."""
        super().setup_ex(init_net, finish_net)
        self._line = init_net.CreateLine([], init_net.NextName("line"))

    def read_ex(self, local_init_net: Net, local_finish_net: Net) -> tuple[list[Net], BlobReference, Fields]:
        """The nets of the reader, between one that enters the line and one that lets the next instance read.

        Raises:
            BuildError: `setup_ex` was not called.
        """
        if self._line is None:
            msg = "the reader is not set up: setup_ex comes before its nets are made"
            raise BuildError(msg)
        # Before the first record the instance has no place: to leave without one changes nothing.
        self._number = local_init_net.GivenTensorInt64Fill([], 1, shape=[], values=[-1])
        enter_net, next_net = Net("line_enter"), Net("line_next")
        enter_net.EnterLine([self._line], [self._number])
        next_net.LetNextIn([self._line, self._number], [])
        # However the loop ends, with a place that was taken and not left, nobody waits for this instance.
        local_finish_net.LeaveLine([self._line, self._number], [])
        nets, should_stop, fields = self.reader.read_ex(local_init_net, local_finish_net)
        return [enter_net, *nets, next_net], should_stop, fields

    def in_turn(self, write_nets: Sequence[Net]) -> list[Net]:
        """The nets that write the record that was read last, when all records before it are written."""
        turn_net, leave_net = Net("line_turn"), Net("line_leave")
        if self._line is not None and self._number is not None:
            turn_net.AwaitTurn([self._line, self._number], [])
            leave_net.LeaveLine([self._line, self._number], [])
        return [turn_net, *write_nets, leave_net]
