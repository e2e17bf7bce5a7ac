"""The table: which of taskplan's names each of Caffe2's modules has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import taskplan as tp
from taskplan.builder.ops import Operations
from taskplan.caffe2.stand_ins import GlobalInit, LocalSession
from taskplan.data import data_workers, dataset, pipeline, processors, queues
from taskplan.data.databases import MODES
from taskplan.plan import taskplan_pb2 as pb

Names = Mapping[str, object]


def _named(*classes_and_functions: Any, **others: object) -> Names:
    return {each.__name__: each for each in classes_and_functions} | others


class _Showing(Mapping[str, object]):
    """The names of a module that shows other modules of Caffe2's too; these are imported when they are asked for.

    Args:
        names: its own names.
        **modules: the full names of the others, by the name under which it shows them.
    """

    def __init__(self, names: Names, **modules: str) -> None:
        self._names = names
        self._modules = modules

    def __getitem__(self, name: str) -> object:
        return import_module(self._modules[name]) if name in self._modules else self._names[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._names
        yield from self._modules

    def __len__(self) -> int:
        return len(self._names) + len(self._modules)


def _messages() -> Names:
    """The messages and enums, and the types of devices, which Caffe2 has with and without a prefix."""
    return {
        **{name: value for name, value in vars(pb).items() if not name.startswith("_")},
        **{f"PROTO_{name}": number for name, number in pb.DeviceType.items()},
        "DeviceTypeProto": pb.DeviceType,
    }


MODULES: Mapping[str, Names] = {
    "caffe2": {},
    "caffe2.proto": {},
    "caffe2.proto.caffe2_pb2": _messages(),
    "caffe2.python": {},
    "caffe2.python._import_c_extension": _named(
        tp.Workspace, tp.create_db, Mode=SimpleNamespace(**{mode: mode for mode in MODES})
    ),
    "caffe2.python.cached_reader": _named(tp.CachedReader),
    "caffe2.python.context": _named(tp.DefaultManaged, tp.Managed),
    "caffe2.python.control": _named(
        tp.control.BoolNet,
        tp.control.CombineConditions,
        tp.control.Do,
        tp.control.DoParallel,
        tp.control.DoUntil,
        tp.control.DoWhile,
        tp.control.For,
        tp.control.GetConditionBlobFromNet,
        tp.control.If,
        tp.control.IfNot,
        tp.control.MergeConditionNets,
        tp.control.NotNet,
        tp.control.Switch,
        tp.control.SwitchNot,
        tp.control.Until,
        tp.control.While,
    ),
    "caffe2.python.core": _Showing(
        _named(
            tp.BlobReference,
            tp.CreateOperator,
            tp.DataType,
            tp.DeviceOption,
            tp.DeviceScope,
            tp.ExecutionStep,
            GlobalInit,
            tp.IsOperator,
            tp.IsOperatorWithEngine,
            tp.NameScope,
            tp.Net,
            tp.Plan,
            tp.ScopedBlobReference,
            tp.ScopedName,
            tp.add_nets_in_order,
            tp.clone_and_bind_net,
            tp.execution_step,
            tp.get_ssa,
            tp.get_undefined_blobs,
            tp.scoped_execution_step,
            tp.to_execution_step,
        ),
        caffe2_pb2="caffe2.proto.caffe2_pb2",
        scope="caffe2.python.scope",
        utils="caffe2.python.utils",
        workspace="caffe2.python.workspace",
    ),
    "caffe2.python.data_workers": _named(
        data_workers.GlobalCoordinator,
        data_workers.init_data_input_workers,
        global_coordinator=data_workers.global_coordinator,
    ),
    "caffe2.python.dataio": _named(
        tp.CompositeReader,
        tp.CompositeReaderBuilder,
        tp.CountUntil,
        tp.CounterReader,
        tp.Pipe,
        tp.PipedReaderBuilder,
        tp.Reader,
        tp.ReaderBuilder,
        tp.ReaderWithDelay,
        tp.ReaderWithLimit,
        tp.ReaderWithLimitBase,
        tp.ReaderWithTimeLimit,
        tp.Writer,
    ),
    "caffe2.python.dataset": _named(dataset.Const, tp.Dataset, tp.execution_step_with_progress),
    "caffe2.python.db_file_reader": _named(tp.DBFileReader),
    "caffe2.python.experiment_util": _named(tp.experiment_util.ExternalLogger, tp.experiment_util.ModelTrainerLog),
    "caffe2.python.net_builder": _named(tp.NetBuilder, Operations, ops=tp.ops),
    "caffe2.python.net_printer": _named(tp.net_printer.analyze, tp.net_printer.debug_net, tp.net_printer.to_string),
    "caffe2.python.parallel_workers": _named(
        tp.parallel_workers.GlobalWorkerCoordinator,
        tp.parallel_workers.WorkerCoordinator,
        tp.parallel_workers.init_workers,
        global_coordinator=tp.parallel_workers.global_coordinator,
    ),
    "caffe2.python.pipeline": _named(
        tp.NetProcessor,
        tp.Output,
        tp.ProcessingReader,
        tp.make_processor,
        processors.normalize_processor_output,
        tp.pipe,
        tp.pipe_and_output,
        tp.processor_name,
        DEFAULT_QUEUE_CAPACITY=pipeline.DEFAULT_QUEUE_CAPACITY,
    ),
    "caffe2.python.queue_util": _named(
        tp.Queue,
        tp.QueueWrapper,
        tp.close_queue,
        tp.dequeue,
        tp.enqueue,
        _QueueReader=queues.QueueReader,
        _QueueWriter=queues.QueueWriter,
    ),
    "caffe2.python.record_queue": _named(tp.RecordQueue),
    "caffe2.python.schema": {
        **{name: getattr(tp.schema, name) for name in tp.schema.__all__},
        **_named(tp.FeedRecord, tp.FetchRecord),
    },
    "caffe2.python.scope": _named(
        tp.CurrentDeviceScope,
        tp.CurrentNameScope,
        tp.DeviceScope,
        tp.EmptyDeviceScope,
        tp.EmptyNameScope,
        tp.NameScope,
    ),
    "caffe2.python.session": _named(tp.CompiledRunnable, LocalSession, tp.Session),
    "caffe2.python.task": _named(
        tp.Cluster,
        tp.Node,
        tp.SetupNets,
        tp.Task,
        tp.TaskGroup,
        tp.TaskOutput,
        tp.TaskOutputList,
        tp.WorkspaceType,
        tp.add_setup_steps,
        tp.final_output,
        tp.get_setup_nets,
    ),
    "caffe2.python.text_file_reader": _named(tp.TextFileReader),
    "caffe2.python.timeout_guard": _named(tp.timeout_guard.CompleteInTimeOrDie, tp.timeout_guard.EuthanizeIfNecessary),
    "caffe2.python.utils": _named(tp.MakeArgument),
    "caffe2.python.workspace": _Showing(
        _named(
            tp.Blobs,
            tp.CreateBlob,
            tp.CreateNet,
            tp.CurrentWorkspace,
            tp.DeserializeBlob,
            tp.FeedBlob,
            tp.FetchBlob,
            tp.FetchBlobs,
            tp.GetNameScope,
            tp.GetNetName,
            GlobalInit,
            tp.HasBlob,
            tp.InferShapesAndTypes,
            tp.RegisteredOperators,
            tp.ResetBlob,
            tp.ResetWorkspace,
            tp.RootFolder,
            tp.RunNet,
            tp.RunNetOnce,
            tp.RunOperatorMultiple,
            tp.RunOperatorOnce,
            tp.RunOperatorsOnce,
            tp.RunPlan,
            tp.RunPlanInBackground,
            tp.SerializeBlob,
            tp.StringifyBlobName,
            tp.StringifyNetName,
            tp.StringifyProto,
            tp.SwitchWorkspace,
            tp.Workspace,
            tp.WorkspaceGuard,
            tp.Workspaces,
            blobs=tp.blobs,
            has_cuda_support=False,
            has_gpu_support=False,
            has_hip_support=False,
        ),
        C="caffe2.python._import_c_extension",
    ),
}
"""Each module by its full name; those with others below them are packages."""
