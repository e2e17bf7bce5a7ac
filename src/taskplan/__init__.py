"""taskplan: concurrent programs that are checked before they run.

A program is written once, as data: tasks on named nodes, their setup and teardown, queues, loops and branches. It is
    checked, shown,
saved, and run on threads of this process.
"""

from taskplan import errors
from taskplan.builder import control, schema
from taskplan.builder.arguments import CreateOperator, MakeArgument
from taskplan.builder.blobs import BlobReference, ScopedBlobReference, ScopedName
from taskplan.builder.calls import IsOperator, IsOperatorWithEngine
from taskplan.builder.channel import Channel
from taskplan.builder.cluster import Cluster, Node
from taskplan.builder.context import DefaultManaged, Managed
from taskplan.builder.dataflow import get_ssa, get_undefined_blobs
from taskplan.builder.naming import fresh_names
from taskplan.builder.net import Net
from taskplan.builder.net_builder import NetBuilder
from taskplan.builder.ops import ops
from taskplan.builder.outputs import TaskOutput, TaskOutputList
from taskplan.builder.plan import Plan
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
    OperatorError,
    PlanError,
    QueueClosedError,
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
from taskplan.sessions.programs import compile_program, load, save
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

__version__ = "0.1.0"

for _error in errors.__dict__.values():
    if isinstance(_error, type) and issubclass(_error, BaseException):
        _error.__module__ = __name__  # so that tracebacks show the name by which programs catch it

__all__ = [
    "ArgumentError",
    "ArityError",
    "BlobReference",
    "Blobs",
    "BuildAttributeError",
    "BuildError",
    "BuildIndexError",
    "BuildKeyError",
    "BuildRuntimeError",
    "BuildTypeError",
    "BuildValueError",
    "Cancelled",
    "Channel",
    "ClosedError",
    "Cluster",
    "CompiledRunnable",
    "CreateBlob",
    "CreateNet",
    "CreateOperator",
    "CurrentDeviceScope",
    "CurrentNameScope",
    "CurrentWorkspace",
    "DataType",
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
    "LocalSession",
    "MakeArgument",
    "Managed",
    "MissingBlobError",
    "NameScope",
    "Net",
    "NetBuilder",
    "NoContextError",
    "Node",
    "Observer",
    "OperatorError",
    "Plan",
    "PlanError",
    "Problem",
    "QueueClosedError",
    "RegisteredOperators",
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
    "ScopedBlobReference",
    "ScopedName",
    "SerializeBlob",
    "Session",
    "SetupNets",
    "ShapeError",
    "SimulatedSession",
    "StalledError",
    "StartedRun",
    "StepError",
    "StringifyBlobName",
    "StringifyNetName",
    "StringifyProto",
    "SwitchWorkspace",
    "Task",
    "TaskGroup",
    "TaskOutput",
    "TaskOutputList",
    "TaskplanError",
    "TensorSpec",
    "TimedOutError",
    "UnknownOperatorError",
    "Why",
    "Workspace",
    "WorkspaceError",
    "WorkspaceGuard",
    "WorkspaceType",
    "Workspaces",
    "add_nets_in_order",
    "add_setup_steps",
    "blobs",
    "check_program",
    "compile_program",
    "control",
    "errors",
    "execution_step",
    "experiment_util",
    "export_caffe2",
    "final_output",
    "fresh_names",
    "get_setup_nets",
    "get_ssa",
    "get_undefined_blobs",
    "infer_shapes",
    "load",
    "net_printer",
    "operator",
    "ops",
    "parallel_workers",
    "save",
    "schema",
    "scoped_execution_step",
    "timeout_guard",
    "to_execution_step",
]
