"""A reader of text files whose fields stand between tabs."""

from __future__ import annotations

from taskplan.builder.blobs import BlobReference
from taskplan.builder.column_types import data_type_for_dtype
from taskplan.builder.containers import Struct
from taskplan.builder.dataio import Fields, Reader
from taskplan.builder.fields import Scalar
from taskplan.builder.net import Net
from taskplan.builder.records import NewRecord, blobs_of
from taskplan.builder.scope import NameScope
from taskplan.data.dataset_readers import HELD, new_blob
from taskplan.errors import BuildError


class TextFileReader(Reader):
    """Reads a text file in which each line is a row, and the fields of a row stand between tabs.

    There are no quotes; the byte 0 makes a tab, a newline or a byte 0 behind it a part of the field. Strings are given
    out as they are, in UTF-8. The last line may lack its newline. A bad row fails the run, once those before it are
    given out.

    Where it stands in the file is kept from run to run, and shared by all tasks that read::

        reader = TextFileReader(init_net, "people.tsv", Struct(("name", str), ("age", np.int32)), batch_size=100)
        reader.reset(epoch_init_net)            # begin again in each epoch

    Args:
        init_net: opens the file.
        filename: a relative one begins in the working directory.
        schema: a leaf for each field of a row, of a type among `str`, float32, float64, int32 and int64.
        num_passes: how often the file is read; batches run across.
        batch_size: how many rows a read takes.
        lenient: take a field for the number that it begins with, as Caffe2 does (`1abc` is 1).

    Raises:
        BuildError: the schema is no `Struct` of leaves.
        BuildTypeError: no tensor has such a dtype.
        ArgumentError: a field of a text file cannot be of such a type.
    """

    def __init__(
        self,
        init_net: Net,
        filename: str,
        schema: Struct,
        num_passes: int = 1,
        batch_size: int = 1,
        lenient: bool = False,
    ) -> None:
        children = list(schema.get_children()) if isinstance(schema, Struct) else []
        if not children or not all(isinstance(field, Scalar) for _, field in children):
            msg = f"the schema of a text file is a Struct with a leaf for each field of a row, got {schema!r}"
            raise BuildError(msg)
        super().__init__(schema)
        self._filename = filename
        self._types = [data_type_for_dtype(dtype) for dtype in schema.field_types()]
        self._num_passes = num_passes
        self._batch_size = batch_size
        self._strict = not lenient
        self._reader = new_blob(init_net, "text_file_reader")
        self._made_in = init_net  # held, since the name of the blob is taken while it lives
        self._open(init_net)

    def read(self, read_net: Net) -> tuple[BlobReference, Fields]:
        """Read the next rows; see `Reader`."""
        read_net.add_attribute(HELD, self)
        with NameScope(read_net.NextName("text_file_reader")):
            batch = blobs_of(NewRecord(read_net, self.schema()))
        read_net.TextFileReaderRead([self._reader], batch, batch_size=self._batch_size)
        return read_net.IsEmpty([batch[0]]), batch

    def reset(self, net: Net) -> None:
        """Open the file again, and begin with its first row and first pass."""
        self._open(net)

    def _open(self, net: Net) -> None:
        net.CreateTextFileReader(
            [],
            [self._reader],
            filename=self._filename,
            num_passes=self._num_passes,
            field_types=self._types,
            strict=self._strict,
        )
