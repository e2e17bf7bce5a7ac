"""Operators of Caffe2 that taskplan knows by name and does not provide, and what to use instead."""

from __future__ import annotations

_CHANNEL = "let the nodes exchange values through a Channel"
_STEP = "run one step a turn of ops.loop, with LSTMUnit or GRUUnit"
_FLOATS = "keep the table in float32 or float16"
_LOOKUP = "keep the table in float32 or float16 and use {}"
_CALL = "call a Python function of arrays: ops.call(function, *blobs)"

ABSENT: dict[str, str] = {}
"""What to use instead, by name; empty where there is nothing."""


def _add(instead: str, names: str) -> None:
    ABSENT.update(dict.fromkeys(names.split(), instead))


_add(
    _CHANNEL,
    "Allgather Allreduce Barrier Broadcast CloneCommonWorld CreateCommonWorld DestroyCommonWorld ReceiveTensor Reduce "
    "ReduceScatter SendTensor",
)
_add(
    _STEP,
    "InferenceLSTM RecurrentNetwork RecurrentNetworkBlobFetcher rnn_internal_accumulate_gradient_input "
    "rnn_internal_apply_link",
)
_add("use PackSegments, and Transpose for time first", "PackRNNSequence")
_add("use Transpose, and UnpackSegments", "UnpackRNNSequence")

_add(
    _FLOATS,
    "ByteWeightDequant FloatToFused2BitFakeRowwiseQuantized FloatToFused2BitRowwiseQuantized "
    "FloatToFused4BitFakeRowwiseQuantized FloatToFused4BitRowwiseQuantized FloatToFused8BitRowwiseQuantized "
    "FloatToFused8BitRowwiseQuantizedHalfScaleBias FloatToFusedRandRowwiseQuantized FloatToRowwiseQuantized8Bits "
    "Fused2BitRowwiseQuantizedToFloat Fused2BitRowwiseQuantizedToHalf Fused4BitRowwiseQuantizedToFloat "
    "Fused4BitRowwiseQuantizedToHalf Fused8BitRowwiseQuantizedHalfScaleBiasToFloat "
    "Fused8BitRowwiseQuantizedHalfScaleBiasToHalfFloat Fused8BitRowwiseQuantizedToFloat "
    "Fused8BitRowwiseQuantizedToHalfFloat FusedRandRowwiseQuantizedToFloat HalfFloatToFused8BitRowwiseQuantized "
    "HalfFloatToFused8BitRowwiseQuantizedHalfScaleBias HalfToFused2BitFakeRowwiseQuantized "
    "HalfToFused2BitRowwiseQuantized HalfToFused4BitFakeRowwiseQuantized HalfToFused4BitRowwiseQuantized QuantDecode "
    "Rowwise8BitQuantizedToFloat",
)
_add("use ConstantFill, and FloatToHalf", "Float16ConstantFill")
_add("use UniformFill, and FloatToHalf", "Float16UniformFill")
_add("use SparseNormalize on float32", "Float16SparseNormalize")
_add(_LOOKUP.format("Gather"), "GatherFused8BitRowwise")
_add(
    _LOOKUP.format("SparseLengthsMean"),
    "SparseLengthsMean2BitRowwiseSparse SparseLengthsMean4BitRowwiseSparse SparseLengthsMean8BitRowwiseSparse "
    "SparseLengthsMean8BitsRowwise SparseLengthsMeanFused2BitRowwise SparseLengthsMeanFused4BitRowwise "
    "SparseLengthsMeanFused8BitRowwise",
)
_add(
    _LOOKUP.format("SparseLengthsSum"),
    "SparseLengthsSum2BitRowwiseSparse SparseLengthsSum4BitRowwiseSparse SparseLengthsSum8BitRowwiseSparse "
    "SparseLengthsSum8BitsRowwise SparseLengthsSumFused2BitRowwise SparseLengthsSumFused4BitRowwise "
    "SparseLengthsSumFused8BitRowwise SparseLengthsSumSparseLookup",
)
_add(
    _LOOKUP.format("SparseLengthsWeightedSum"),
    "SparseLengthsWeightedMean8BitsRowwise SparseLengthsWeightedSum2BitRowwiseSparse "
    "SparseLengthsWeightedSum4BitRowwiseSparse SparseLengthsWeightedSum8BitRowwiseSparse "
    "SparseLengthsWeightedSum8BitsRowwise SparseLengthsWeightedSumFused2BitRowwise "
    "SparseLengthsWeightedSumFused4BitRowwise SparseLengthsWeightedSumFused8BitRowwise",
)

_add("use AveragePool", "AveragePool1D AveragePool2D AveragePool3D")
_add("use MaxPool", "MaxPool1D MaxPool2D MaxPool3D")
_add("use Conv", "Conv1D Conv2D Conv3D")
_add("use Conv, then Relu", "ConvRelu")
_add("use Sum, then Relu", "SumRelu")
_add("use Sum", "SumInt")
_add("use FC", "FbFCPacked")
_add("give FC the matrix as it is", "FbGemmPack FbGemmPackTranspose")
_add("use Concat, BatchMatMul and BatchGather", "ConcatBatchMatMulBatchGatherOp")
_add("use LayerNorm", "RMSNorm")
_add("use RowMul, then ReduceFrontSum", "ReduceFrontWeightedSum")
_add("use Gather, then SortedSegmentWeightedSum", "SparseSortedSegmentWeightedSum")
_add("use Gather, then UnsortedSegmentWeightedSum", "SparseUnsortedSegmentWeightedSum")
_add(
    "use RowWiseSparseAdagrad on the gradient",
    "RowWiseSparseAdagradFusedWithSparseLengthsMeanGradientApprox "
    "RowWiseSparseAdagradFusedWithSparseLengthsSumGradientApprox "
    "RowWiseSparseAdagradFusedWithSparseLengthsWeightedSumGradientApprox",
)
_add(
    "use SparseAdagrad on the gradient",
    "SparseAdagradFusedWithSparseLengthsMeanGradientApprox SparseAdagradFusedWithSparseLengthsSumGradientApprox "
    "SparseAdagradFusedWithSparseLengthsWeightedSumGradientApprox",
)
_add("use MomentumSGDUpdate or Adam", "YellowFin")
_add("use FC on the whole matrix", "TT")
_add("use SparseLengthsSum on the whole table", "TTSparseLengthsSum")
_add(_CALL, "LC LC1D LC2D LC3D")

_add(
    _CALL,
    "BBoxTransform BRGNCHWCToPackedInt8BGRAStylizerDeprocess BatchToSpace BoxWithNMSLimit ChannelBackpropStats "
    "Col2Im CollectAndDistributeFpnRpnProposals CollectRpnProposals DistributeFpnProposals GenerateProposals "
    "GenerateProposalsCPP HeatmapMaxKeypoint Im2Col IntegralImage LpPool NormalizePlanarYUV "
    "PackedInt8BGRANHWCToNCHWCStylizerPreprocess RMACRegions ResizeNearest3D RoIAlign RoIAlignRotated RoIPool "
    "SpaceToBatch SpatialSoftmaxWithLoss UpsampleBilinear",
)
_add("use Mul and Add with broadcast=True, axis=1", "AffineChannel")
_add("use Moments", "BatchMoments ChannelStats")
_add("use Gather", "BatchPermutation")

_add(
    _CALL,
    "APMeter BatchBoxCox BisectPercentile CosineEmbeddingCriterion FlexibleTopK HSoftmax HSoftmaxSearch "
    "HuffmanTreeHierarchy LambdaRankNdcg LengthsTopK MergeDenseFeatureTensors MergeMultiListFeatureTensors "
    "MergeMultiMapFeatureTensors MergeMultiScalarFeatureTensors MergeSingleListFeatureTensors "
    "MergeSingleMapFeatureTensors MergeSingleScalarFeatureTensors NGramFromCategorical PairWiseLoss Percentile "
    "PiecewiseLinearTransform Quantile SelfBinningHistogram SinusoidPositionEncoding StumpFuncIndex "
    "WeightedMultiSampling WeightedSample",
)
_add("use Bucketize on each column, then OneHot", "BatchBucketOneHot")
_add("use Bucketize", "BatchBucketize")
_add("use DenseVectorToIdList and BooleanMask", "BatchDenseToSparse")
_add("use SparseToDense", "BatchSparseToDense")
_add("use Concat", "DataCouple")
_add("use AccumulateHistogram", "Histogram")

_add(_CALL, "CTCBeamSearchDecoder CTCGreedyDecoder SwapBestPath ViterbiPath VariableLengthSequencePadding")
_add("use AddPadding, or LengthsPad", "PadEmptySamples")

_add(_CALL, "ATen Onnxifi")
_add("use Alias", "AliasWithName")
_add("use While", "ONNXWhile")
_add("use Python or ops.call, whose arrays share their memory with DLPack", "PythonDLPack")
_add("use Scale on each blob", "ScaleBlobs")
_add("use Concat", "UnsafeCoalesce")
_add("", "AsyncNetBarrier NegateGradient")
