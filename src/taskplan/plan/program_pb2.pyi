from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Program(_message.Message):
    __slots__ = ("format", "plans", "outputs", "channels", "private_nodes", "hidden_blobs", "functions", "sites", "shared_blobs", "collectives", "needs", "restartable")
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PLANS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_NODES_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_BLOBS_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    SITES_FIELD_NUMBER: _ClassVar[int]
    SHARED_BLOBS_FIELD_NUMBER: _ClassVar[int]
    COLLECTIVES_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FIELD_NUMBER: _ClassVar[int]
    RESTARTABLE_FIELD_NUMBER: _ClassVar[int]
    format: int
    plans: _containers.RepeatedCompositeFieldContainer[NodePlan]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    channels: _containers.RepeatedCompositeFieldContainer[Channel]
    private_nodes: _containers.RepeatedScalarFieldContainer[str]
    hidden_blobs: _containers.RepeatedScalarFieldContainer[str]
    functions: _containers.RepeatedCompositeFieldContainer[Function]
    sites: _containers.RepeatedCompositeFieldContainer[Site]
    shared_blobs: _containers.RepeatedScalarFieldContainer[str]
    collectives: _containers.RepeatedCompositeFieldContainer[Collective]
    needs: _containers.RepeatedCompositeFieldContainer[Need]
    restartable: bool
    def __init__(self, format: _Optional[int] = ..., plans: _Optional[_Iterable[_Union[NodePlan, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ..., channels: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ..., private_nodes: _Optional[_Iterable[str]] = ..., hidden_blobs: _Optional[_Iterable[str]] = ..., functions: _Optional[_Iterable[_Union[Function, _Mapping]]] = ..., sites: _Optional[_Iterable[_Union[Site, _Mapping]]] = ..., shared_blobs: _Optional[_Iterable[str]] = ..., collectives: _Optional[_Iterable[_Union[Collective, _Mapping]]] = ..., needs: _Optional[_Iterable[_Union[Need, _Mapping]]] = ..., restartable: _Optional[bool] = ...) -> None: ...

class Site(_message.Message):
    __slots__ = ("file", "line", "function")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    function: str
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., function: _Optional[str] = ...) -> None: ...

class NodePlan(_message.Message):
    __slots__ = ("node", "plan", "steps", "nets")
    NODE_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NETS_FIELD_NUMBER: _ClassVar[int]
    node: str
    plan: bytes
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    nets: _containers.RepeatedCompositeFieldContainer[Net]
    def __init__(self, node: _Optional[str] = ..., plan: _Optional[bytes] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., nets: _Optional[_Iterable[_Union[Net, _Mapping]]] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("site", "task", "node", "timeout_s", "closing", "own")
    SITE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    CLOSING_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    site: int
    task: str
    node: str
    timeout_s: float
    closing: _containers.RepeatedCompositeFieldContainer[Tree]
    own: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, site: _Optional[int] = ..., task: _Optional[str] = ..., node: _Optional[str] = ..., timeout_s: _Optional[float] = ..., closing: _Optional[_Iterable[_Union[Tree, _Mapping]]] = ..., own: _Optional[_Iterable[str]] = ...) -> None: ...

class Tree(_message.Message):
    __slots__ = ("step", "steps")
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    step: bytes
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    def __init__(self, step: _Optional[bytes] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ...) -> None: ...

class Net(_message.Message):
    __slots__ = ("site", "operators", "nested")
    SITE_FIELD_NUMBER: _ClassVar[int]
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    NESTED_FIELD_NUMBER: _ClassVar[int]
    site: int
    operators: _containers.RepeatedScalarFieldContainer[int]
    nested: _containers.RepeatedCompositeFieldContainer[Net]
    def __init__(self, site: _Optional[int] = ..., operators: _Optional[_Iterable[int]] = ..., nested: _Optional[_Iterable[_Union[Net, _Mapping]]] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("node", "blob", "task", "site")
    NODE_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    node: str
    blob: str
    task: str
    site: int
    def __init__(self, node: _Optional[str] = ..., blob: _Optional[str] = ..., task: _Optional[str] = ..., site: _Optional[int] = ...) -> None: ...

class Channel(_message.Message):
    __slots__ = ("name", "capacity", "columns", "fields", "writers", "node", "nodes", "site", "readers")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    WRITERS_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    READERS_FIELD_NUMBER: _ClassVar[int]
    name: str
    capacity: int
    columns: int
    fields: _containers.RepeatedScalarFieldContainer[str]
    writers: int
    node: str
    nodes: _containers.RepeatedScalarFieldContainer[str]
    site: int
    readers: int
    def __init__(self, name: _Optional[str] = ..., capacity: _Optional[int] = ..., columns: _Optional[int] = ..., fields: _Optional[_Iterable[str]] = ..., writers: _Optional[int] = ..., node: _Optional[str] = ..., nodes: _Optional[_Iterable[str]] = ..., site: _Optional[int] = ..., readers: _Optional[int] = ...) -> None: ...

class Collective(_message.Message):
    __slots__ = ("name", "kind", "nodes", "parties", "reduction", "root", "site")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    PARTIES_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    nodes: _containers.RepeatedScalarFieldContainer[str]
    parties: _containers.RepeatedScalarFieldContainer[int]
    reduction: str
    root: str
    site: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., nodes: _Optional[_Iterable[str]] = ..., parties: _Optional[_Iterable[int]] = ..., reduction: _Optional[str] = ..., root: _Optional[str] = ..., site: _Optional[int] = ...) -> None: ...

class Need(_message.Message):
    __slots__ = ("node", "keyword", "value", "site")
    NODE_FIELD_NUMBER: _ClassVar[int]
    KEYWORD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    node: str
    keyword: str
    value: str
    site: int
    def __init__(self, node: _Optional[str] = ..., keyword: _Optional[str] = ..., value: _Optional[str] = ..., site: _Optional[int] = ...) -> None: ...

class Function(_message.Message):
    __slots__ = ("token", "name", "pickled")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PICKLED_FIELD_NUMBER: _ClassVar[int]
    token: str
    name: str
    pickled: bytes
    def __init__(self, token: _Optional[str] = ..., name: _Optional[str] = ..., pickled: _Optional[bytes] = ...) -> None: ...
