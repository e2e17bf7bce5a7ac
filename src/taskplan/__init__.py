"""taskplan: concurrent programs that are checked before they run.

A program is written once, as data: tasks on named nodes, their setup and teardown, queues, loops and branches. It is
checked, shown, saved, and run on threads of this process.
"""

import importlib
from typing import TYPE_CHECKING, Any

from taskplan import errors

if TYPE_CHECKING:
    from taskplan.builder import control, schema
    from taskplan.builder.arguments import CreateOperator, MakeArgument
    from taskplan.builder.blobs import BlobReference, ScopedBlobReference, ScopedName
    from taskplan.builder.calls import IsOperator, IsOperatorWithEngine
    from taskplan.builder.channel import Channel
    from taskplan.builder.cluster import Cluster, Node
    from taskplan.builder.containers import List, Map, Struct
    from taskplan.builder.context import DefaultManaged, Managed
    from taskplan.builder.dataflow import get_ssa, get_undefined_blobs
    from taskplan.builder.dataio import Pipe, Reader, ReaderBuilder, Writer
    from taskplan.builder.fields import Scalar
    from taskplan.builder.naming import fresh_names
    from taskplan.builder.net import Net
    from taskplan.builder.net_builder import NetBuilder
    from taskplan.builder.ops import ops
    from taskplan.builder.outputs import TaskOutput, TaskOutputList
    from taskplan.builder.plan import Plan
    from taskplan.builder.queue_nets import close_queue, dequeue, enqueue
    from taskplan.builder.records import ConstRecord, NewRecord
    from taskplan.builder.scope import (
        CurrentDeviceScope,
        CurrentNameScope,
        DeviceOption,
        DeviceScope,
        EmptyDeviceScope,
        EmptyNameScope,
        NameScope,
    )
    from taskplan.builder.setup import SetupNets, add_setup_steps, get_setup_nets
    from taskplan.builder.steps import (
        ExecutionStep,
        add_nets_in_order,
        execution_step,
        scoped_execution_step,
        to_execution_step,
    )
    from taskplan.builder.task import Task, final_output
    from taskplan.builder.task_group import TaskGroup
    from taskplan.builder.workspace_type import WorkspaceType
    from taskplan.checker.check import check_program
    from taskplan.checker.problems import Problem
    from taskplan.checker.shapes import infer_shapes
    from taskplan.data import data_workers
    from taskplan.data.batch_function import BatchFunction
    from taskplan.data.cached_reader import CachedReader
    from taskplan.data.databases import create_db
    from taskplan.data.dataset import Dataset, execution_step_with_progress
    from taskplan.data.db_file_reader import DBFileReader
    from taskplan.data.files.arrow import arrow_from_schema, from_table, schema_from_arrow, to_table
    from taskplan.data.files.csv_files import CsvReader, CsvWriter
    from taskplan.data.files.numpy_files import NumpyReader, NumpyWriter
    from taskplan.data.files.parquet import ParquetReader, ParquetWriter
    from taskplan.data.files.text_lines import TextLinesReader
    from taskplan.data.iterables import IterableReader
    from taskplan.data.net_processor import NetProcessor, clone_and_bind_net
    from taskplan.data.pipeline import pipe, pipe_and_output
    from taskplan.data.processors import Output, ProcessingReader, make_processor, processor_name
    from taskplan.data.queues import Queue, QueueWrapper
    from taskplan.data.readers import (
        CompositeReader,
        CompositeReaderBuilder,
        CounterReader,
        CountUntil,
        PipedReaderBuilder,
        ReaderWithDelay,
        ReaderWithLimit,
        ReaderWithLimitBase,
        ReaderWithTimeLimit,
    )
    from taskplan.data.record_queue import RecordQueue
    from taskplan.data.record_types import (
        dataclass_from_schema,
        dtype_from_schema,
        from_structured,
        schema_from_dataclass,
        to_structured,
    )
    from taskplan.data.sinks import CallbackWriter, SinkWriter
    from taskplan.data.sources import SourceReader
    from taskplan.data.text_file_reader import TextFileReader
    from taskplan.engine.why import Why
    from taskplan.errors import (
        ArgumentError,
        ArityError,
        BuildAttributeError,
        BuildError,
        BuildIndexError,
        BuildKeyError,
        BuildRuntimeError,
        BuildTypeError,
        BuildValueError,
        Cancelled,
        ClosedError,
        DtypeError,
        InjectedFaultError,
        InternalError,
        MissingBlobError,
        NoContextError,
        NodeError,
        NodeLostError,
        OperatorError,
        PlacementError,
        PlanError,
        QueueClosedError,
        RemoteError,
        ReplayDivergedError,
        ReportedError,
        RunCancelledError,
        RunError,
        ShapeError,
        StalledError,
        StepError,
        TaskplanError,
        TimedOutError,
        UnknownOperatorError,
        WorkspaceError,
    )
    from taskplan.events import Observer
    from taskplan.operators.inference import TensorSpec
    from taskplan.operators.registry import operator
    from taskplan.plan.types import DataType
    from taskplan.sessions import experiment_util, net_printer, parallel_workers, timeout_guard
    from taskplan.sessions.base import CompiledRunnable, Session
    from taskplan.sessions.caffe2_export import export_caffe2
    from taskplan.sessions.local import LocalSession
    from taskplan.sessions.process import ProcessSession
    from taskplan.sessions.programs import compile_program, load, save
    from taskplan.sessions.ray import RaySession
    from taskplan.sessions.records import FeedRecord, FetchRecord
    from taskplan.sessions.shapes import InferShapesAndTypes
    from taskplan.sessions.simulated import SimulatedSession
    from taskplan.sessions.started import StartedRun
    from taskplan.sessions.workspaces import (
        Blobs,
        CreateBlob,
        CreateNet,
        CurrentWorkspace,
        DeserializeBlob,
        FeedBlob,
        FetchBlob,
        FetchBlobs,
        GetNameScope,
        GetNetName,
        HasBlob,
        RegisteredOperators,
        ResetBlob,
        ResetWorkspace,
        RootFolder,
        RunNet,
        RunNetOnce,
        RunOperatorMultiple,
        RunOperatorOnce,
        RunOperatorsOnce,
        RunPlan,
        RunPlanInBackground,
        SerializeBlob,
        StringifyBlobName,
        StringifyNetName,
        StringifyProto,
        SwitchWorkspace,
        Workspace,
        WorkspaceGuard,
        Workspaces,
        blobs,
    )

_BY_MODULE = {
    "builder.arguments": "CreateOperator MakeArgument",
    "builder.blobs": "BlobReference ScopedBlobReference ScopedName",
    "builder.calls": "IsOperator IsOperatorWithEngine",
    "builder.channel": "Channel",
    "builder.cluster": "Cluster Node",
    "builder.containers": "List Map Struct",
    "builder.context": "DefaultManaged Managed",
    "builder.dataflow": "get_ssa get_undefined_blobs",
    "builder.dataio": "Pipe Reader ReaderBuilder Writer",
    "builder.fields": "Scalar",
    "builder.naming": "fresh_names",
    "builder.net": "Net",
    "builder.net_builder": "NetBuilder",
    "builder.ops": "ops",
    "builder.outputs": "TaskOutput TaskOutputList",
    "builder.plan": "Plan",
    "builder.queue_nets": "close_queue dequeue enqueue",
    "builder.records": "ConstRecord NewRecord",
    "builder.scope": (
        "CurrentDeviceScope CurrentNameScope DeviceOption DeviceScope EmptyDeviceScope EmptyNameScope NameScope"
    ),
    "builder.setup": "add_setup_steps get_setup_nets SetupNets",
    "builder.steps": "add_nets_in_order execution_step ExecutionStep scoped_execution_step to_execution_step",
    "builder.task": "final_output Task",
    "builder.task_group": "TaskGroup",
    "builder.workspace_type": "WorkspaceType",
    "checker.check": "check_program",
    "checker.problems": "Problem",
    "checker.shapes": "infer_shapes",
    "data.batch_function": "BatchFunction",
    "data.cached_reader": "CachedReader",
    "data.databases": "create_db",
    "data.dataset": "Dataset execution_step_with_progress",
    "data.db_file_reader": "DBFileReader",
    "data.files.arrow": "arrow_from_schema from_table schema_from_arrow to_table",
    "data.files.csv_files": "CsvReader CsvWriter",
    "data.files.numpy_files": "NumpyReader NumpyWriter",
    "data.files.parquet": "ParquetReader ParquetWriter",
    "data.files.text_lines": "TextLinesReader",
    "data.iterables": "IterableReader",
    "data.net_processor": "clone_and_bind_net NetProcessor",
    "data.pipeline": "pipe pipe_and_output",
    "data.processors": "make_processor Output ProcessingReader processor_name",
    "data.queues": "Queue QueueWrapper",
    "data.readers": (
        "CompositeReader CompositeReaderBuilder CounterReader CountUntil PipedReaderBuilder ReaderWithDelay "
        "ReaderWithLimit ReaderWithLimitBase ReaderWithTimeLimit"
    ),
    "data.record_queue": "RecordQueue",
    "data.record_types": "dataclass_from_schema dtype_from_schema from_structured schema_from_dataclass to_structured",
    "data.sinks": "CallbackWriter SinkWriter",
    "data.sources": "SourceReader",
    "data.text_file_reader": "TextFileReader",
    "engine.why": "Why",
    "errors": (
        "ArgumentError ArityError BuildAttributeError BuildError BuildIndexError BuildKeyError "
        "BuildRuntimeError BuildTypeError BuildValueError Cancelled ClosedError DtypeError "
        "InjectedFaultError InternalError MissingBlobError NoContextError NodeError NodeLostError "
        "OperatorError PlacementError PlanError QueueClosedError RemoteError ReplayDivergedError "
        "ReportedError RunCancelledError RunError ShapeError StalledError StepError TaskplanError "
        "TimedOutError UnknownOperatorError WorkspaceError"
    ),
    "events": "Observer",
    "operators.inference": "TensorSpec",
    "operators.registry": "operator",
    "plan.types": "DataType",
    "sessions.base": "CompiledRunnable Session",
    "sessions.caffe2_export": "export_caffe2",
    "sessions.local": "LocalSession",
    "sessions.process": "ProcessSession",
    "sessions.programs": "compile_program load save",
    "sessions.ray": "RaySession",
    "sessions.records": "FeedRecord FetchRecord",
    "sessions.shapes": "InferShapesAndTypes",
    "sessions.simulated": "SimulatedSession",
    "sessions.started": "StartedRun",
    "sessions.workspaces": (
        "Blobs blobs CreateBlob CreateNet CurrentWorkspace DeserializeBlob FeedBlob FetchBlob FetchBlobs "
        "GetNameScope GetNetName HasBlob RegisteredOperators ResetBlob ResetWorkspace RootFolder RunNet "
        "RunNetOnce RunOperatorMultiple RunOperatorOnce RunOperatorsOnce RunPlan RunPlanInBackground "
        "SerializeBlob StringifyBlobName StringifyNetName StringifyProto SwitchWorkspace Workspace "
        "WorkspaceGuard Workspaces"
    ),
}
"""The names that are shown here, by the module that has them; imported when they are first asked for."""

_HOMES = {name: module for module, names in _BY_MODULE.items() for name in names.split()}

_MODULES = {
    "control": "builder.control",
    "data_workers": "data.data_workers",
    "experiment_util": "sessions.experiment_util",
    "net_printer": "sessions.net_printer",
    "parallel_workers": "sessions.parallel_workers",
    "schema": "builder.schema",
    "timeout_guard": "sessions.timeout_guard",
}
"""The modules that are shown here as they are."""

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(f"taskplan.{_MODULES[name]}")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"taskplan.{_HOMES[name]}"), name)
    else:
        message = f"module 'taskplan' has no attribute {name!r}"
        raise AttributeError(message)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


for _error in errors.__dict__.values():
    if isinstance(_error, type) and issubclass(_error, BaseException):
        _error.__module__ = __name__  # so that tracebacks show the name by which programs catch it

__all__ = [
    "ArgumentError",
    "ArityError",
    "BatchFunction",
    "BlobReference",
    "Blobs",
    "BuildAttributeError",
    "BuildError",
    "BuildIndexError",
    "BuildKeyError",
    "BuildRuntimeError",
    "BuildTypeError",
    "BuildValueError",
    "CachedReader",
    "CallbackWriter",
    "Cancelled",
    "Channel",
    "ClosedError",
    "Cluster",
    "CompiledRunnable",
    "CompositeReader",
    "CompositeReaderBuilder",
    "ConstRecord",
    "CountUntil",
    "CounterReader",
    "CreateBlob",
    "CreateNet",
    "CreateOperator",
    "CsvReader",
    "CsvWriter",
    "CurrentDeviceScope",
    "CurrentNameScope",
    "CurrentWorkspace",
    "DBFileReader",
    "DataType",
    "Dataset",
    "DefaultManaged",
    "DeserializeBlob",
    "DeviceOption",
    "DeviceScope",
    "DtypeError",
    "EmptyDeviceScope",
    "EmptyNameScope",
    "ExecutionStep",
    "FeedBlob",
    "FeedRecord",
    "FetchBlob",
    "FetchBlobs",
    "FetchRecord",
    "GetNameScope",
    "GetNetName",
    "HasBlob",
    "InferShapesAndTypes",
    "InjectedFaultError",
    "InternalError",
    "IsOperator",
    "IsOperatorWithEngine",
    "IterableReader",
    "List",
    "LocalSession",
    "MakeArgument",
    "Managed",
    "Map",
    "MissingBlobError",
    "NameScope",
    "Net",
    "NetBuilder",
    "NetProcessor",
    "NewRecord",
    "NoContextError",
    "Node",
    "NodeError",
    "NodeLostError",
    "NumpyReader",
    "NumpyWriter",
    "Observer",
    "OperatorError",
    "Output",
    "ParquetReader",
    "ParquetWriter",
    "Pipe",
    "PipedReaderBuilder",
    "PlacementError",
    "Plan",
    "PlanError",
    "Problem",
    "ProcessSession",
    "ProcessingReader",
    "Queue",
    "QueueClosedError",
    "QueueWrapper",
    "RaySession",
    "Reader",
    "ReaderBuilder",
    "ReaderWithDelay",
    "ReaderWithLimit",
    "ReaderWithLimitBase",
    "ReaderWithTimeLimit",
    "RecordQueue",
    "RegisteredOperators",
    "RemoteError",
    "ReplayDivergedError",
    "ReportedError",
    "ResetBlob",
    "ResetWorkspace",
    "RootFolder",
    "RunCancelledError",
    "RunError",
    "RunNet",
    "RunNetOnce",
    "RunOperatorMultiple",
    "RunOperatorOnce",
    "RunOperatorsOnce",
    "RunPlan",
    "RunPlanInBackground",
    "Scalar",
    "ScopedBlobReference",
    "ScopedName",
    "SerializeBlob",
    "Session",
    "SetupNets",
    "ShapeError",
    "SimulatedSession",
    "SinkWriter",
    "SourceReader",
    "StalledError",
    "StartedRun",
    "StepError",
    "StringifyBlobName",
    "StringifyNetName",
    "StringifyProto",
    "Struct",
    "SwitchWorkspace",
    "Task",
    "TaskGroup",
    "TaskOutput",
    "TaskOutputList",
    "TaskplanError",
    "TensorSpec",
    "TextFileReader",
    "TextLinesReader",
    "TimedOutError",
    "UnknownOperatorError",
    "Why",
    "Workspace",
    "WorkspaceError",
    "WorkspaceGuard",
    "WorkspaceType",
    "Workspaces",
    "Writer",
    "add_nets_in_order",
    "add_setup_steps",
    "arrow_from_schema",
    "blobs",
    "check_program",
    "clone_and_bind_net",
    "close_queue",
    "compile_program",
    "control",
    "create_db",
    "data_workers",
    "dataclass_from_schema",
    "dequeue",
    "dtype_from_schema",
    "enqueue",
    "errors",
    "execution_step",
    "execution_step_with_progress",
    "experiment_util",
    "export_caffe2",
    "final_output",
    "fresh_names",
    "from_structured",
    "from_table",
    "get_setup_nets",
    "get_ssa",
    "get_undefined_blobs",
    "infer_shapes",
    "load",
    "make_processor",
    "net_printer",
    "operator",
    "ops",
    "parallel_workers",
    "pipe",
    "pipe_and_output",
    "processor_name",
    "save",
    "schema",
    "schema_from_arrow",
    "schema_from_dataclass",
    "scoped_execution_step",
    "timeout_guard",
    "to_execution_step",
    "to_structured",
    "to_table",
]
