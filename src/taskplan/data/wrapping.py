"""Readers around a reader."""

from __future__ import annotations

from taskplan.builder.dataio import Reader
from taskplan.builder.fields import Field
from taskplan.builder.net import Net


class WrappingReader(Reader):
    """Reads what another reader reads; a subclass says what it does besides.

    Args:
        reader: the other reader.
    """

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def schema(self) -> Field:
        """What a record is."""
        return self.reader.schema()

    def has_schema(self) -> bool:
        """Whether it is known what a record is."""
        return self.reader.has_schema()

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:
        """Set up the reader."""
        self.reader.setup_ex(init_net, finish_net)

    def reset(self, net: Net) -> None:
        """Let the reader begin again."""
        self.reader.reset(net)
