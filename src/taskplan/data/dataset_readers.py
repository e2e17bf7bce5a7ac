"""Readers of datasets: in order, and in the order of indices.

Where a reader stands in a dataset, a cursor says. A reader that was made with an init net has one cursor, made there,
which stays where it is from run to run. One that was made without has a new cursor in each task that reads with it, and
so begins anew in each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taskplan.builder.blobs import BlobReference
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Reader
from taskplan.builder.fields import Field, Scalar
from taskplan.builder.net import Net
from taskplan.builder.records import NewRecord, blobs_of
from taskplan.builder.scope import NameScope
from taskplan.errors import BuildAttributeError, BuildError, BuildValueError
from taskplan.plan.names import did_you_mean

HELD = "held_by_data"
"""The attribute of nets with what must live as long: readers and writers, which hold the names of their blobs."""


def new_blob(net: Net, name: str) -> BlobReference:
    """A blob of that name in the current scope, or nearly: one that nothing else has while the net lives."""
    [blob] = blobs_of(NewRecord(net, Struct((name, Scalar()))))
    return blob


class CursorReader(Reader):
    """What readers of a dataset have in common.

    Args:
        content: the record of the dataset.
        name: of the cursor's blob, which gets a suffix where it is taken.
        batch_size: how many records a read takes.
        enforce_batch_size: skip an incomplete last batch.

    Attributes:
        name: see there.
        cursor: the blob of the cursor that was made last; None before.
    """

    def __init__(self, content: Field, name: str, batch_size: int, enforce_batch_size: bool) -> None:
        super().__init__(content.clone_schema())
        self.name = name
        self.cursor: BlobReference | None = None
        self.batch_size = batch_size
        self.enforce_batch_size = enforce_batch_size
        self._columns = blobs_of(content)
        self._fields = content.field_names()
        self._is_set_up = False

    def set_up(self, init_net: Net) -> None:
        """Make the cursor in this net, for all tasks that will read; `setup_ex` adds nothing from now on."""
        self._make_cursor(init_net)
        self._is_set_up = True

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:  # noqa: ARG002 - the protocol's
        """Make a new cursor for a task, unless there is one for all; see `Reader`."""
        if not self._is_set_up:
            self._make_cursor(init_net)

    def reset(self, net: Net) -> None:
        """Go back to the beginning."""
        net.ResetCursor([self._made_cursor()], [])

    def _make_cursor(self, init_net: Net) -> None:
        # The reference holds the net, and the name is taken while the net lives.
        self.cursor = init_net.CreateTreeCursor([], [new_blob(init_net, self.name)], fields=self._fields)

    def _made_cursor(self) -> BlobReference:
        if self.cursor is None:
            msg = f"setup not called. Reader {self.name!r} has no cursor; make it with an init_net, or call setup_ex"
            raise BuildError(msg)
        return self.cursor

    def _new_batch(self, read_net: Net) -> list[BlobReference]:
        read_net.add_attribute(HELD, self)
        with NameScope(read_net.NextName(self.name)):
            return blobs_of(NewRecord(read_net, self.schema()))

    def _has_no_rows(self, read_net: Net, batch: Sequence[BlobReference]) -> BlobReference:
        """Add what says whether a batch has no records, however many elements a record has."""
        # The first field is at the top level, since others come after their lengths.
        none: BlobReference = read_net.HasNoRows([batch[0]])
        return none


class DatasetReader(CursorReader):
    """Reads a dataset from the first record to the last; see `Dataset.reader`."""

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Read the next batch; see `Reader`."""
        cursor = self._made_cursor()
        batch = self._new_batch(read_net)
        read_net.ReadNextBatch(
            [cursor, *self._columns],
            batch,
            batch_size=self.batch_size,
            enforce_batch_size=self.enforce_batch_size,
        )
        return self._has_no_rows(read_net, batch), batch


class DatasetRandomReader(CursorReader):
    """Reads a dataset in the order of indices; see `Dataset.random_reader`.

    Attributes:
        indices: the blob of the numbers of records; None if there is none yet.
        offsets: the blob that says where each record begins; None if there is none yet.
    """

    def __init__(
        self,
        content: Field,
        name: str,
        indices: BlobReference | None,
        batch_size: int,
        loop_over: bool,
        enforce_batch_size: bool,
        seed: int | None,
    ) -> None:
        super().__init__(content, name, batch_size, enforce_batch_size)
        self.loop_over = loop_over
        self.indices = indices
        self.offsets: BlobReference | None = None
        self._seed = seed
        self._has_own_indices = indices is not None
        self._has_own_offsets = False

    def setup_ex(self, init_net: Net, finish_net: Net) -> None:  # noqa: ARG002 - the protocol's
        """As of `CursorReader`; a new cursor comes with a new order and with offsets, unless they were made for all."""
        if self._is_set_up:
            return
        self._make_cursor(init_net)
        if not self._has_own_indices:
            self._shuffle(init_net, -1, 1, 1, self._seed)
        if not self._has_own_offsets:
            self._compute_offset(init_net)

    def computeoffset(self, net: Net) -> None:
        """Add the operator that finds where each record begins. Begins anew, as `reset` does."""
        self._compute_offset(net)
        self._has_own_offsets = True

    def sort_and_shuffle(
        self,
        net: Net,
        sort_by_field: str | None = None,
        shuffle_size: int = 1,
        batch_size: int = 1,
        seed: int | None = None,
    ) -> None:
        """Add the operator that makes a new order of the records, and begin anew, as `reset` does.

        Args:
            net: the net; run it before each epoch for another order in each.
            sort_by_field: an int32 field of the top level, by which records are sorted first.
            shuffle_size: within so many batches records are shuffled then.
            batch_size: batches of so many records change places at last.
            seed: see `Dataset.random_reader`, whose seed it replaces.

        Raises:
            BuildValueError: there is no such field.
        """
        place = -1
        if sort_by_field:
            if sort_by_field not in self._fields:
                near = did_you_mean(sort_by_field, self._fields)
                msg = f"sort_by_field={sort_by_field!r} is no field of the dataset, which has {self._fields!r}{near}"
                raise BuildValueError(msg)
            place = self._fields.index(sort_by_field)
        self._shuffle(net, place, shuffle_size, batch_size, self._seed if seed is None else seed)
        self._has_own_indices = True

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Read the next batch; see `Reader`."""
        if self.indices is None:
            msg = f"reader {self.name!r} has no indices; call sort_and_shuffle(net), or give some to random_reader"
            raise BuildError(msg)
        if self.offsets is None:
            msg = f"reader {self.name!r} has no offsets; call computeoffset(net)"
            raise BuildAttributeError(msg)
        cursor = self._made_cursor()
        batch = self._new_batch(read_net)
        read_net.ReadRandomBatch(
            [cursor, self.indices, self.offsets, *self._columns],
            batch,
            batch_size=self.batch_size,
            enforce_batch_size=self.enforce_batch_size,
            loop_over=self.loop_over,
        )
        return self._has_no_rows(read_net, batch), batch

    # One blob of each kind for a cursor, so that nets that make a new order let every net read it.

    def _compute_offset(self, net: Net) -> None:
        cursor = self._made_cursor()
        self.reset(net)
        self.offsets = net.ComputeOffset([cursor, *self._columns], [cursor + "_offsets"])

    def _shuffle(self, net: Net, place: int, shuffle_size: int, batch_size: int, seed: int | None) -> None:
        cursor = self._made_cursor()
        arguments: dict[str, Any] = {} if seed is None else {"seed": seed}
        self.reset(net)
        self.indices = net.SortAndShuffle(
            [cursor, *self._columns],
            [cursor + "_indices"],
            sort_by_field_idx=place,
            shuffle_size=shuffle_size,
            batch_size=batch_size,
            **arguments,
        )
