"""Schemas: what the columns of nested records are called, what they hold, and which blobs they are in.

Nested records are stored as flat columns, one tensor a leaf::

    s = Struct(("user", np.int64), ("carts", List(List(np.float32))))
    # user 7, carts [[1.5, 2.0], [3.0]]     user 8, carts []     user 9, carts [[], [4.0]]
    # user                       [7, 8, 9]              3 records
    # carts:lengths              [2, 0, 2]              one number a record: its carts
    # carts:values:lengths       [2, 1, 0, 1]           one number a cart: its prices
    # carts:values:values        [1.5, 2.0, 3.0, 4.0]   the prices

The entries that columns run over together are a domain. A `Struct` adds none, its children share the one of their
parent; a `List` adds one for its values, whose size is the sum of its `lengths`.

A record is a schema whose leaves are bound to values: to blobs (`NewRecord`) or arrays (`from_blob_list`).
"""

from __future__ import annotations

from taskplan.builder.column_types import data_type_for_dtype, dtype_for_core_type
from taskplan.builder.columns import (
    as_record,
    equal_schemas,
    from_blob_list,
    from_column_list,
    is_schema_subset,
    schema_check,
)
from taskplan.builder.containers import (
    List,
    ListWithEvicted,
    Map,
    MapWithEvicted,
    NamedTuple,
    RawTuple,
    Struct,
    Tuple,
    from_dtype,
)
from taskplan.builder.fields import (
    FIELD_SEPARATOR,
    FeatureSpec,
    Field,
    Metadata,
    Scalar,
    attach_metadata_to_scalars,
)
from taskplan.builder.records import ConstRecord, InitEmptyRecord, NewRecord

__all__ = [
    "FIELD_SEPARATOR",
    "ConstRecord",
    "FeatureSpec",
    "Field",
    "InitEmptyRecord",
    "List",
    "ListWithEvicted",
    "Map",
    "MapWithEvicted",
    "Metadata",
    "NamedTuple",
    "NewRecord",
    "RawTuple",
    "Scalar",
    "Struct",
    "Tuple",
    "as_record",
    "attach_metadata_to_scalars",
    "data_type_for_dtype",
    "dtype_for_core_type",
    "equal_schemas",
    "from_blob_list",
    "from_column_list",
    "from_dtype",
    "is_schema_subset",
    "schema_check",
]
