"""Where operators are declared: the family of each of taskplan's own, and the modules of installed packages.

A module is imported when one of its operators is first asked for, so importing taskplan takes no longer for all those
that a program does not use. The table is made from the declarations by `tests/operators/test_catalogue.py`.
"""

from __future__ import annotations

from importlib import import_module

from taskplan.operators.packages import load_packages

FAMILIES: dict[str, str] = {
    "accumulators": "Accumulate AccumulateHistogram Summarize",
    "activations": (
        "Elu Gelu Glu HardSigmoid LeakyRelu Mish PRelu Relu ReluN Selu Sigmoid Softmax Softplus Softsign Swish "
        "ThresholdedRelu"
    ),
    "arithmetic": "Add Div Max Min Mod Mul Negative Sub Sum",
    "atomics": (
        "AtomicFetchAdd AtomicFetchAdd64 AtomicIter CheckAtomicBool ConditionalSetAtomicBool CreateAtomicBool "
        "CreateMutex Iter LatchIf"
    ),
    "blobs": "Alias FeedBlob Free",
    "cast": "Cast FloatToHalf HalfToFloat",
    "collectives": "CollectiveAllReduce CollectiveBarrier CollectiveBroadcast",
    "compare": "And BitwiseAnd BitwiseOr BitwiseXor Conditional EQ GE GT IsMemberOf LE LT NE Not Or Where Xor",
    "control": "CountIf CreateScope Do HasScope If Sleep While",
    "convolutions": "AveragePool Conv ConvTranspose MaxPool",
    "copies": "Copy CopyFromCPUInput CopyOnDeviceLike EnsureCPUOutput EnsureDense StopGradient ZeroGradient",
    "counters": "CheckCounterDone CountDown CountUp CreateCounter ResetCounter RetrieveCount",
    "databases": "CreateBlobsQueueDB CreateDB DBExists TensorProtosDBInput",
    "datasets": (
        "CheckDatasetConsistency ComputeOffset CreateTreeCursor GetCursorOffset ReadNextBatch ReadRandomBatch "
        "ResetCursor SortAndShuffle"
    ),
    "debug": "Assert Crash Fail GetAllBlobNames LogFatal Print ThrowChildThreadException ThrowException WallClockTime",
    "features": (
        "BatchOneHot Bucketize CopyRowsToTensor DenseVectorToIdList IndexHash MergeIdLists SegmentOneHot "
        "SparseDropoutWithReplacement SparseToDense SparseToDenseMask StumpFunc"
    ),
    "files": "Checkpoint Load Save Snapshot",
    "fills": (
        "ConstantFill DiagonalFill GivenTensorBoolFill GivenTensorByteStringToUInt8Fill GivenTensorDoubleFill "
        "GivenTensorFill GivenTensorInt16Fill GivenTensorInt64Fill GivenTensorIntFill GivenTensorStringFill "
        "LengthsRangeFill Range RangeFill"
    ),
    "ftrl": "Ftrl GFtrl SparseFtrl",
    "gather": "BatchGather Find FindDuplicateElements Gather Unique",
    "global_rates": "ClipTensorByScaling Lars LearningRateAdaption Storm Wngrad",
    "images": "ChannelShuffle DepthConcat DepthSplit LRN NCHW2NHWC NHWC2NCHW PadImage ResizeNearest",
    "indices": "IndexFreeze IndexGet IndexLoad IndexSize IndexStore IntIndexCreate LongIndexCreate StringIndexCreate",
    "lengths": (
        "LengthsGather LengthsTile LengthsToOffsets LengthsToRanges LengthsToSegmentIds LengthsToShape "
        "LengthsToWeights OneHot SegmentIdsToLengths SegmentIdsToRanges"
    ),
    "linear": (
        "BatchMatMul CosineSimilarity DotProduct DotProductWithPadding ElementwiseLinear FC FCTransposed "
        "L1Distance MatMul RowMul Scale SquaredL2Distance WeightedSum"
    ),
    "lines": "AwaitTurn CreateLine EnterLine LeaveLine LetNextIn",
    "losses": (
        "Accuracy BernoulliJSD CrossEntropy LabelCrossEntropy MakeTwoClass MarginRankingCriterion "
        "MultiClassAccuracy Perplexity SigmoidCrossEntropyWithLogits SoftmaxWithLoss "
        "WeightedSigmoidCrossEntropyWithLogits"
    ),
    "maps": "CreateMap KeyValueToMap MapToKeyValue",
    "masks": "BooleanMask BooleanMaskLengths BooleanUnmask RemoveDataBlocks",
    "normalisation": "Dropout GroupNorm InstanceNorm LayerNorm SpatialBN",
    "optimisers": "Adadelta Adagrad Adam MomentumSGD MomentumSGDUpdate RmsProp",
    "packed_records": "Append AtomicAppend PackRecords TrimDataset UnPackRecords",
    "packing": "GatherRanges GatherRangesToDense LengthsPad LengthsSplit PackSegments UnpackSegments",
    "partitions": "GatherByKey KeySplit LengthsPartition Partition",
    "pieces": "Concat Expand NumpyTile Slice Split SplitByLengths Tile",
    "python": "Call Python",
    "queues": (
        "BeginReads BeginWrites CloseBlobsQueue CreateBlobsQueue DequeueBlobs EndReads EndWrites EnqueueBlobs "
        "QueueStatistics SafeDequeueBlobs SafeEnqueueBlobs WeightedSampleDequeueBlobs"
    ),
    "random_fills": "GaussianFill MSRAFill UniformFill UniformIntFill UniqueUniformFill XavierFill",
    "rebatching": "CloseRebatchingQueue CreateRebatchingQueue DequeueRebatchingQueue EnqueueRebatchingQueue",
    "reductions": (
        "ColwiseMax Moments ReduceBackMax ReduceBackMean ReduceBackSum ReduceFrontMax ReduceFrontMean "
        "ReduceFrontSum ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceSum ReduceTailSum RowwiseMax"
    ),
    "row_updates": (
        "EnsureClipped RowWiseCounter SparseAdadelta SparseLpRegularizer SparseNormalize SparseStorm SparseWngrad"
    ),
    "samplers": (
        "CollectTensor ConcatTensorVector CreateTensorVector LastNWindowCollector ReservoirSampling TensorVectorSize"
    ),
    "scatter": "Scatter ScatterAssign ScatterWeightedSum",
    "schedules": "LearningRate WeightScale",
    "segments": (
        "LengthsMax LengthsMean LengthsSum LengthsWeightedSum SortedSegmentMean SortedSegmentRangeLogMeanExp "
        "SortedSegmentRangeLogSumExp SortedSegmentRangeMax SortedSegmentRangeMean SortedSegmentRangeSum "
        "SortedSegmentSum SortedSegmentWeightedSum UnsortedSegmentMean UnsortedSegmentSum "
        "UnsortedSegmentWeightedSum"
    ),
    "sequences": "AddPadding GRUUnit GatherPadding LSTMUnit RemovePadding ReversePackedSegs SequenceMask",
    "shapes": (
        "ExpandDims Flatten FlattenToVec HasElements HasNoRows IsEmpty MergeDim PrependDim Reshape ResizeLike "
        "Shape Size Squeeze Transpose"
    ),
    "sinks": "CloseSink CommitSink OpenSink SinkCounts WriteSink",
    "sources": "CloseSource OpenSource ReadSource SourceCounts",
    "sparse_lookups": (
        "SparseLengthsMean SparseLengthsPositionalWeightedSum SparseLengthsSum SparseLengthsWeightedSum "
        "SparseSortedSegmentMean SparseSortedSegmentSum SparseUnsortedSegmentMean SparseUnsortedSegmentSum"
    ),
    "sparse_optimisers": "RowWiseSparseAdagrad RowWiseSparseAdam SparseAdagrad SparseAdam SparseMomentumSGDUpdate",
    "statistics": (
        "AveragePut IncrementPut StatRegistryCreate StatRegistryExport StatRegistryUpdate StdDevPut TimerBegin "
        "TimerEnd TimerGet TimerGetAndEnd"
    ),
    "stores": "FileStoreHandlerCreate StoreAdd StoreGet StoreSet StoreWait",
    "strings": "StringEndsWith StringEquals StringJoin StringPrefix StringStartsWith StringSuffix",
    "text_reader": "CreateTextFileReader TextFileReaderRead",
    "totals": (
        "ArgMax ArgMin AveragedLoss LpNorm Mean Normalize NormalizeL1 SumElements SumElementsInt SumReduceLike "
        "SumSqrElements TopK"
    ),
    "unary": (
        "Abs Acos Asin Atan Cbrt Ceil Clip Cos Cosh Cube EnforceFinite Erf Exp Floor IsNaN Log Logit NanCheck Pow "
        "Reciprocal ReplaceNaN Rsqrt Sign Sin Sinh Sqr Sqrt SquareRootDivide Tan Tanh"
    ),
}

_FAMILY_OF = {name: family for family, names in FAMILIES.items() for name in names.split()}


_LOADED: set[str] = set()
"""The families whose import is over."""


def load(name: str) -> bool:
    """Import the module that declares an operator of taskplan's own; says whether there is one."""
    family = _FAMILY_OF.get(name)
    if family is not None and family not in _LOADED:
        import_module(f"{__package__}.{family}")
        _LOADED.add(family)
    return family is not None


def load_all() -> None:
    """Import all families, and the operators of installed packages."""
    for family in FAMILIES:
        import_module(f"{__package__}.{family}")
    load_packages()
