# Made by tests/test_operator_stubs.py; TASKPLAN_UPDATE_DOCS=1 python -m pytest tests/test_operator_stubs.py writes it anew.
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypedDict, Unpack

from taskplan.builder.blobs import BlobReference
from taskplan.builder.net import Net
from taskplan.plan.model import NetDef
from taskplan.plan.taskplan_pb2 import Argument, DeviceOption

Blob = BlobReference | str
Inputs = Blob | Sequence[Blob]
Outputs = Blob | Sequence[Blob] | int | None

class CallFields(TypedDict, total=False):
    """What every call takes beside the operator's own arguments; see `taskplan.CreateOperator`."""

    name: str
    control_input: Inputs
    device_option: DeviceOption
    random_seed: int
    engine: str
    debug_info: str
    arg: Sequence[Argument]

class OperatorMethod(partial[Any]): ...

class OperatorMethods:
    def Abs(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = |X|, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Abs([-1 2]) -> [1 2]
        """

    def Accumulate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        gamma: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """``gamma`` times what the output holds, plus the input: a running sum, of which the output blob is the state.

        The sum begins with the input where the output holds no tensor of its dtype and shape.

        Inputs:
            input: float32 or float64.
        Outputs:
            output: the input's dtype and shape.
        Example:
            Accumulate([1 2]) -> sum
            Accumulate([3 4]; gamma=0.5) -> sum
            Copy(sum) -> [3.5 5]
        """

    def AccumulateHistogram(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        lower_bound: float | None = 0.0,
        upper_bound: float | None = 1.0,
        num_buckets: int | None = 1,
        **call: Unpack[CallFields],
    ) -> Any:
        """How many elements fall into each of ``num_buckets`` equal buckets between two bounds, and below and above them.

        The upper bound itself counts as above. nan is counted nowhere.

        Inputs:
            X: float32, any shape.
        Outputs:
            CurHist: int64 vector of ``num_buckets`` + 2 elements: those below, those of each bucket, and the rest.
            AccHist: the same, of all calls of this instance.
        Example:
            AccumulateHistogram([-1 0.2 0.7 1]; num_buckets=2) -> [1 1 1 1]:i64, [1 1 1 1]:i64
        """

    def Accuracy(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        top_k: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The share of the rows whose label has one of the ``top_k`` highest scores; of equal ones the first is higher.

        Inputs:
            predictions: float32, [n, D], scores. A row whose label has the score nan is never right.
            labels: int32 or int64, [n].
        Outputs:
            accuracy: float32, rank 0; 0 without rows.
        Raises:
            OperatorError: a label is not the number of an element of its row.
        Example:
            Accuracy([[0.1 0.9] [0.8 0.2]], [1 1]:i32) -> 0.5 ()
        """

    def Acos(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = arccos input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Acos([1 0]) -> [0 1.570796]
        """

    def Adadelta(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        decay: float | None = 0.95,
        **call: Unpack[CallFields],
    ) -> Any:
        """Steps in proportion to those before, by the roots of decaying mean squares.

        After Zeiler, 2012.

        m' = ``decay`` m + (1 - decay) grad^2; u = sqrt(d + ``epsilon``) / sqrt(m' + epsilon) grad;
        d' = decay d + (1 - decay) u^2; param' = param + lr u.

        Inputs:
            param, moment, moment_delta, grad: float32, one shape.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment, output_moment_delta: what they are afterwards.
        Example:
            Adadelta([1], [1], [1], [1], [0.5]; epsilon=0.0) -> [1.5], [1], [1]
        """

    def Adagrad(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        decay: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Steps by the root of the sum of all squared gradients.

        After Duchi and others, 2011.

        m' = ``decay`` m + grad^2; param' = param + lr grad / (sqrt(m') + ``epsilon``).

        Inputs:
            param, moment, grad: float32, one shape.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment: the parameter and the moment afterwards.
            output_effective_lr: lr / (sqrt(m') + epsilon).
            output_update: that times grad.
        Example:
            Adagrad([1 2], [0.1 0.2], [0.5 -1], [-0.1]) -> [0.915486 2.0912862], [0.35 1.2]
        """

    def Adam(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        beta1: float | None = 0.9,
        beta2: float | None = 0.999,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """Moments of the gradient and of its square that decay, and a step by their proportion.

        After Kingma and Ba, 2014.

        m' = ``beta1`` m + (1 - beta1) grad; v' = ``beta2`` v + (1 - beta2) grad^2; with t = iter + 1,
        u = sqrt(1 - beta2^t) / (1 - beta1^t) m' / (sqrt(v') + ``epsilon``); param' = param + lr u.

        Inputs:
            param, moment_1, moment_2, grad: float32, one shape.
            lr: float32, one element, negative to descend.
            iter: int64, one element, from 0 on.
        Outputs:
            output_param, output_moment_1, output_moment_2: what they are afterwards.
            output_grad: u.
        Example:
            Adam([1 2], [0.1 0.2], [0.3 0.4], [0.5 -1], [0.1], [0]:i64) -> p, m, v
            Copy(m) -> [0.14 0.08]
        """

    def Add(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A + B, element by element; integers wrap.

        Inputs:
            A: float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            Add([[1] [2]], [10 20]) -> [[11 21] [12 22]]
        """

    def AddPadding(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        padding_width: int | None = 1,
        end_padding_width: int | None = -1,
        **call: Unpack[CallFields],
    ) -> Any:
        """Rows of padding before and behind every segment: ``padding_width`` and ``end_padding_width`` (-1: as many).

        Inputs:
            data_in: any dtype, rank 1 or more.
            lengths: int32 vector; without it all rows are one segment.
            start_padding, end_padding: a row each, of data_in's dtype; zeros, or empty texts, if not given. Without an
                end_padding the start_padding stands at both ends.
        Outputs:
            data_out: data_in's dtype.
            lengths_out: int32 vector.
        Raises:
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the rows, or padding is not of the shape of a row.
        Example:
            AddPadding([1 2 3], [1 2]:i32) -> [0 1 0 0 2 3 0], [3 4]:i32
        """

    def Alias(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A second name for the input's blob: what is written through either name shows in both.

        Inputs:
            input: any dtype and shape.
        Outputs:
            output: the same blob.
        Example:
            Copy([1 2]) -> p
            Alias(p) -> a
            ConstantFill(a; value=7.0) -> a
            Copy(p) -> [7 7]
        """

    def And(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A and B, element by element.

        Inputs:
            A: bool, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            And([T T], [T F]) -> [T F]
        """

    def Append(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The rows of B behind those of A, in amortised constant time a row. An A without rows becomes as B.

        Inputs:
            A: any dtype, rank 1 or more.
            B: A's dtype, rank and inner shape, unless A has no rows.
        Outputs:
            A: the same blob.
        Example:
            Append([[1 2]], [[3 4]]) -> [[1 2] [3 4]]
        """

    def ArgMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = -1,
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Where along ``axis`` the maximum is, the first of equals.

        Inputs:
            X: float32, float64, int32 or int64, rank 1 or more.
        Outputs:
            Indices: int64; the axis stays, with size 1, unless ``keepdims`` is false.
        Raises:
            ShapeError: X has no such axis, or it has size 0.
        Example:
            ArgMax([1 3 2]) -> [1]:i64
        """

    def ArgMin(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = -1,
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Where along ``axis`` the minimum is, the first of equals.

        Inputs:
            X: float32, float64, int32 or int64, rank 1 or more.
        Outputs:
            Indices: int64; the axis stays, with size 1, unless ``keepdims`` is false.
        Raises:
            ShapeError: X has no such axis, or it has size 0.
        Example:
            ArgMin([1 3 2]) -> [0]:i64
        """

    def Asin(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = arcsin input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Asin([0 1]) -> [0 1.570796]
        """

    def Assert(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        error_msg: str | bytes | None = '',
        **call: Unpack[CallFields],
    ) -> None:
        """Fail unless all elements are true, or not 0.

        Inputs:
            X: bool, int32 or int64, any shape; an empty one passes.
        Raises:
            OperatorError: an element is false or 0; the message has the place of the first, row-major, and ``error_msg``.
        Example:
            Assert([T T])
        """

    def Atan(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = arctan input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Atan([0 1]) -> [0 0.7853982]
        """

    def AtomicAppend(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Append` to several stores while no other operator does anything under the same mutex: to all, or to none.

        Inputs:
            mutex: a mutex.
            stores: as A of `Append`, no blob twice.
            additions: as many as stores, each as B of `Append`.
        Outputs:
            stores: the same blobs, in the same order.
        Raises:
            DtypeError, ShapeError: an addition does not fit its store; all stores stay as they are.
        Example:
            CreateMutex() -> m
            AtomicAppend(m, [1]:i32, [2]:i32) -> [1 2]:i32
        """

    def AtomicFetchAdd(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """Add to an int32 while no other operator does anything under the same mutex.

        Inputs:
            mutex_ptr: a mutex.
            mut_value: int32; of several elements the first counts.
            increment: int32; of several elements the first counts.
        Outputs:
            mut_value: int32 of rank 0, the sum.
            fetched_value: int32 of rank 0, the value before.
        Example:
            CreateMutex() -> m
            AtomicFetchAdd(m, [5]:i32, [3]:i32) -> 8 ():i32, 5 ():i32
        """

    def AtomicFetchAdd64(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """Add to an int64 while no other operator does anything under the same mutex.

        Inputs:
            mutex_ptr: a mutex.
            mut_value: int64; of several elements the first counts.
            increment: int64; of several elements the first counts.
        Outputs:
            mut_value: int64 of rank 0, the sum.
            fetched_value: int64 of rank 0, the value before.
        Example:
            CreateMutex() -> m
            AtomicFetchAdd64(m, [5]:i64, [3]:i64) -> 8 ():i64, 5 ():i64
        """

    def AtomicIter(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Add 1 to an iteration number while no other operator does anything under the same mutex.

        1 is added to the statistic ``atomic_iter/stats/<blob>/num_iter`` of the process too; see `StatRegistryExport`.

        Inputs:
            mutex: a mutex.
            iter: int64, one element, any rank, not negative.
        Outputs:
            iter: int64, one more, of the same shape.
        Raises:
            OperatorError: the number is negative, or the largest that there is.
        Example:
            CreateMutex() -> m
            AtomicIter(m, [41]:i64) -> [42]:i64
        """

    def AveragePool(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        global_pooling: bool | int | None = False,
        count_include_pad: bool | int | None = False,
        kernel: int | None = 0,
        kernel_h: int | None = None,
        kernel_w: int | None = None,
        kernels: Sequence[int] | None = (),
        stride: int | None = 1,
        stride_h: int | None = None,
        stride_w: int | None = None,
        strides: Sequence[int] | None = (),
        pad: int | None = 0,
        pad_t: int | None = None,
        pad_l: int | None = None,
        pad_b: int | None = None,
        pad_r: int | None = None,
        pads: Sequence[int] | None = (),
        order: str | bytes | None = 'NCHW',
        legacy_pad: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of the elements of every window; pads count with ``count_include_pad`` only, as zeros.

        Windows are given as for `Conv`, without dilation; with ``global_pooling`` there is one, the whole image.

        Inputs:
            X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
        Outputs:
            Y: X's dtype, [N, C, places...] or [N, places..., C].
        Raises:
            ShapeError: X has no spatial axes or no elements along one, or a window is larger than X with its pads.
        Example:
            AveragePool([[[1 3 2 0]]]; kernels=[2], strides=[2]) -> [[[2 1]]]
        """

    def AveragePut(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        stat_name: str | bytes | None = '',
        magnitude_expand: int | None = 1,
        default_value: float | None = None,
        bound: bool | int | None = False,
        has_bound: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> None:
        """Add a value, as `IncrementPut` reads it, to the statistic ``<name>/stat_value/sum``, and 1 to ``.../count``.

        Inputs:
            value: float32, float64, int32 or int64, any shape.
        Raises:
            OperatorError, ShapeError: as in `IncrementPut`.
        Example:
            AveragePut([2.9]; stat_name="s")
        """

    def AveragedLoss(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of all elements.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: float32, rank 0; 0 over nothing.
        Example:
            AveragedLoss([1 2 6]) -> 3 ()
        """

    def AwaitTurn(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Wait until all who entered before have left.

        Inputs:
            line: a line.
            number: int64, one element, of `EnterLine`.
        Example:
            CreateLine() -> line
            EnterLine(line) -> n
            AwaitTurn(line, n)
        """

    def BatchGather(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        match_outer: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """`Gather` along axis 1: the same slices of every row, or with ``match_outer`` for each row its own.

        Inputs:
            DATA: any dtype, rank 2 or more.
            INDICES: int32 or int64, any shape; with ``match_outer`` one row for each row of DATA.
        Outputs:
            OUTPUT: DATA's dtype.
        Raises:
            OperatorError: an index is out of range.
        Example:
            BatchGather([[1 2 3]], [0 2]:i32) -> [[1 3]]
        """

    def BatchMatMul(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        trans_a: bool | int | None = False,
        trans_b: bool | int | None = False,
        broadcast: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = A times B over the last two axes, for each place of the axes before them.

        Inputs:
            A, B: float32; equal axes before the last two, or with ``broadcast`` such as broadcast. Two vectors give their
                dot product.
        Outputs:
            Y: float32.
        Raises:
            ShapeError: the sizes do not agree.
        Example:
            BatchMatMul([1 2], [3 4]) -> [11]
        """

    def BatchOneHot(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Each column compared with each of its values: 1 where they are equal, else 0.

        Inputs:
            data: int32 or int64 matrix.
            lengths: int32 or int64 vector, how many values each column has.
            values: data's dtype, vector, those of the first column, then of the second, and so on.
        Outputs:
            output: data's dtype, a row for each of data, a column for each value.
        Raises:
            ShapeError: there is not one length a column, or they do not add up to the values.
        Example:
            BatchOneHot([[1 5]]:i32, [2 1]:i32, [1 2 5]:i32) -> [[1 0 1]]:i32
        """

    def BeginReads(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Say that a queue has one more reader, which will end with `EndReads`.

        Inputs:
            queue: a blob queue.
        Example:
            CreateBlobsQueue() -> q
            BeginReads(q)
            EndReads(q)
            Copy([1 2]) -> a
            SafeEnqueueBlobs(q, a) -> a, T ()
        """

    def BeginWrites(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Say that a queue has one more writer, which will end with `EndWrites`.

        Inputs:
            queue: a blob queue.
        Raises:
            QueueClosedError: the queue is closed.
        Example:
            CreateBlobsQueue() -> q
            BeginWrites(q)
            BeginWrites(q)
            EndWrites(q)
            Copy([1 2]) -> a
            SafeEnqueueBlobs(q, a) -> a, F ()
        """

    def BernoulliJSD(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The Jensen-Shannon divergence of coins, h((t + x) / 2) - (h(t) + h(x)) / 2, element by element.

        h(p) = -p ln p - (1 - p) ln(1 - p) is the entropy of a coin. Lin, Divergence measures based on the Shannon entropy
        (1991), section 4.

        Inputs:
            T, X: float32, one shape, probabilities.
        Outputs:
            L: float32, that shape, from 0 to ln 2.
        Example:
            BernoulliJSD([0 1], [0 0]) -> [0 0.6931472]
        """

    def BitwiseAnd(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = the bits that are set in both A and B, element by element.

        Inputs:
            A: bool, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            BitwiseAnd([12]:i32, [10]:i32) -> [8]:i32
        """

    def BitwiseOr(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = the bits that are set in A, B or both, element by element.

        Inputs:
            A: bool, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            BitwiseOr([12]:i32, [10]:i32) -> [14]:i32
        """

    def BitwiseXor(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = the bits that are set in just one of A and B, element by element.

        Inputs:
            A: bool, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            BitwiseXor([12]:i32, [10]:i32) -> [6]:i32
        """

    def BooleanMask(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> Any:
        """The rows where the mask is true, and their positions.

        Inputs:
            data: any dtype, rank 1 or more.
            mask: bool vector, one entry a row.
        Outputs:
            masked_data: data's dtype.
            masked_indices: int64 vector.
        Raises:
            ShapeError: the mask has not one entry for each row.
        Example:
            BooleanMask([[1 2] [3 4]], [F T]) -> [[3 4]], [1]:i64
        """

    def BooleanMaskLengths(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """How many entries of the mask are true in each stretch.

        Inputs:
            lengths: int32 or int64 vector, the lengths of consecutive stretches.
            mask: bool vector, as long as the lengths together.
        Outputs:
            masked_lengths: the dtype and shape of lengths.
        Raises:
            ShapeError: the lengths do not add up to the size of the mask.
        Example:
            BooleanMaskLengths([2 1]:i32, [T F T]) -> [1 1]:i32
        """

    def BooleanUnmask(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The inverse of several masks: each position has the next value of the first pair whose mask is true there.

        Inputs:
            mask: bool vector.
            values: vector, any dtype; as many as positions take one of them.
            more: further masks and values, of the same length and dtype.
        Outputs:
            unmasked_data: vector of the values' dtype, as long as a mask.
        Raises:
            OperatorError: no mask is true at a position.
            ShapeError: masks differ in length, or there are more or fewer values than positions that take one.
        Example:
            BooleanUnmask([T F], [1], [F T], [2]) -> [1 2]
        """

    def Bucketize(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        boundaries: Sequence[float] | None = (),
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The number of ``boundaries`` below each element, so that a boundary belongs to the bucket below it.

        nan counts as above all of them.

        Inputs:
            data: float32, any shape.
        Outputs:
            output: int32, data's shape.
        Raises:
            ArgumentError: the boundaries do not ascend.
        Example:
            Bucketize([0.1 1 2.5 9]; boundaries=[1.0,2.0]) -> [0 0 2 2]:i32
        """

    def Call(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        token: str | bytes | None = '',
        **call: Unpack[CallFields],
    ) -> Any:
        """Call a plain function, which gets arrays and returns one array or number, or a tuple of them.

        It cannot write into the arrays that it gets. What it returns is copied, so it may go on using that.

        Inputs:
            inputs: tensors; of rank 0 too they are arrays for the function.
        Outputs:
            outputs: what the function returns, as many.
        Raises:
            OperatorError: an input is no tensor, the function is not known, or it returned another number of values.
            DtypeError: it returned what no tensor can hold.
            Exception: whatever the function raises, as it is.
        Example:
            Call(x) -> y
        """

    def Cast(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        to: int | str | bytes | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The elements in another type.

        Floats become integers by truncation toward zero, integers wrap to narrower ones, whatever is not 0 becomes true,
        and numbers become decimal text (floats with six digits after the point).

        Inputs:
            X: float32, float64, int8, int16, int32, int64, uint8, uint16 or bool, any shape.
        Outputs:
            Y: the dtype whose number or name (in any letter case) is ``to``: one of those of X, or string.
        Example:
            Cast([1.9 -1.9]; to=2) -> [1 -1]:i32
        """

    def Cbrt(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = the cube root of X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Cbrt([8 -27]) -> [2 -3]
        """

    def Ceil(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = the least whole number not below X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Ceil([1.2 -1.2]) -> [2 -1]
        """

    def ChannelShuffle(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        group: int | None = 1,
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X with its channels dealt out: of ``group`` equal runs first the first channel of each, then the second.

        Zhang et al., ShuffleNet (2018), section 3.1.

        Inputs:
            X: any dtype, rank 2 or more.
        Outputs:
            Y: X's dtype and shape.
        Raises:
            ShapeError: the channels do not make that many groups.
        Example:
            ChannelShuffle([[[1] [2] [3] [4]]]; group=2) -> [[[1] [3] [2] [4]]]
        """

    def CheckAtomicBool(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether the flag was raised.

        Inputs:
            atomic_bool: a flag.
        Outputs:
            value: bool of shape (1,).
        Example:
            CreateAtomicBool() -> flag
            CheckAtomicBool(flag) -> [F]
        """

    def CheckCounterDone(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether the count is 0 or less; the counter stays as it is.

        Inputs:
            counter: a counter.
        Outputs:
            done: bool of rank 0.
        Example:
            CreateCounter() -> c
            CheckCounterDone(c) -> T ()
        """

    def CheckDatasetConsistency(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        fields: Sequence[str | bytes] | None = (),
        dtypes: Sequence[str | bytes] | None = (),
        **call: Unpack[CallFields],
    ) -> None:
        """Succeed if the data make a dataset: fields of one domain are equally long, and lengths make up their domains.

        With ``dtypes``, a name for each field as NumPy writes it, they have these dtypes too: ``"int64"``, ``"str"`` for
        strings, ``"(2,)float32"`` with an inner shape, an empty one for any.

        Inputs:
            fields: a tensor for each of the argument ``fields``.
        Raises:
            DtypeError, ShapeError, OperatorError: they make none; the message names the field.
        Example:
            CheckDatasetConsistency([1 2], [2 1]:i32, [5 6 7]; fields=["a", "b:lengths", "b:values"])
        """

    def Checkpoint(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        db: str | bytes | None = '',
        db_type: str | bytes | None = '',
        absolute_path: bool | int | None = False,
        every: int | None = 1,
        strip_prefix: str | bytes | None = '',
        blob_name_overrides: Sequence[str | bytes] | None = (),
        chunk_size: int | None = -1,
        checksums: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> None:
        """`Save` all inputs, the iteration among them, if its number is a multiple of ``every``; else nothing.

        ``db`` is the name of the database, with ``%d`` for the number. The other arguments are those of `Save`.

        Inputs:
            iteration: int64, one element.
            blobs: as X of `Save`.
        Raises:
            OperatorError: as `Save` does.
        Example:
            Checkpoint([4]:i64, [1 2]; db="ck_%d.db", db_type="minidb", every=2)
            Checkpoint([5]:i64, [1 2]; db="ck_%d.db", db_type="minidb", every=2)
            DBExists(; db_name="ck_4.db", db_type="minidb") -> T ()
            DBExists(; db_name="ck_5.db", db_type="minidb") -> F ()
        """

    def Clip(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        min: float | None = ...,
        max: float | None = ...,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X, but ``min`` where X is below it and ``max`` where that is above it; nan stays.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Clip([-2 0.5 9]; min=-1.0, max=1.0) -> [-1 0.5 1]
        """

    def ClipTensorByScaling(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        threshold: float,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input scaled down by threshold / val where val, mostly its norm, is above the threshold; else as it is.

        Inputs:
            input_tensor: float32, any shape.
            val: float32, one element.
            additional_threshold: float32, one element; the threshold is multiplied by it.
        Outputs:
            clipped: float32, the input's shape.
        Example:
            ClipTensorByScaling([3 4], [5]; threshold=2.5) -> [1.5 2]
        """

    def CloseBlobsQueue(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Close a queue: writers are refused from now on, readers get what it still holds. Closing again changes nothing.

        Inputs:
            queue: a blob queue.
        Example:
            CreateBlobsQueue() -> q
            CloseBlobsQueue(q)
            Copy([1 2]) -> a
            SafeEnqueueBlobs(q, a) -> a, T ()
        """

    def CloseRebatchingQueue(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Close a queue: writers are refused from now on, readers get what it still holds. Closing again changes nothing.

        Inputs:
            queue: a rebatching queue.
        Example:
            CreateRebatchingQueue(; capacity=10) -> rq
            CloseRebatchingQueue(rq)
        """

    def CloseSink(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Throw away what was written to a sink, unless it is committed. Closing again changes nothing.

        If the sink is used at this moment that happens when that has ended. Nothing happens if it could not be opened.

        Inputs:
            sink: a sink.
        Raises:
            Exception: whatever the sink raises, as it is.
        Example:
            OpenSink(; token="f") -> sink
            WriteSink(sink, [1 2])
            CloseSink(sink)
        """

    def CloseSource(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Close what a source has open; readers are refused from now on. Closing again changes nothing.

        What is read at this moment is closed when that has ended. Nothing happens if the source could not be opened.

        Inputs:
            source: a source.
        Raises:
            Exception: what the source raises when it is closed, the first if there are several; all is closed before.
        Example:
            OpenSource(; token="f") -> source
            CloseSource(source)
        """

    def CollectTensor(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_to_collect: int,
        **call: Unpack[CallFields],
    ) -> Any:
        """A sample of the tensors that come by, a reservoir of ``num_to_collect`` calls.

        The first calls append. A later one, number v, replaces what an earlier call brought, at the same position in all
        vectors, with probability num_to_collect / v. The calls are counted by the operator's instance, not by the vectors.

        Inputs:
            vectors: tensor vectors.
            tensors: a tensor for each vector.
        Outputs:
            vectors: the same blobs, in the same order.
        Raises:
            OperatorError: a vector has not the position that was drawn, since it is another one than at first.
        Example:
            CreateTensorVector() -> tv
            CollectTensor(tv, [[2 2]]; num_to_collect=5) -> tv
        """

    def CollectiveAllReduce(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        reduction: str | bytes | None = 'sum',
        **call: Unpack[CallFields],
    ) -> Any:
        """The sum, mean, least or greatest of what all parties give, element by element; the same bits for every party.

        What the parties of one node give is folded in the order of its bytes, and then the nodes in the order of the
        program, so the result does not depend on who comes first. A mean is the sum divided by the number of parties, in
        the dtype of the inputs. All parties wait for each other.

        Inputs:
            collective: what the session makes for the name of the allreduce; see `ops.allreduce`.
            inputs: floats, or with "sum", "min" and "max" also integers; of the same shapes and dtypes in all parties.
        Outputs:
            outputs: one for each of the inputs, of its shape and dtype. Sums of integers wrap around.
        Raises:
            DtypeError: an input has another dtype, or that of another party; the message names both parties.
            ShapeError: parties give different shapes, or different numbers of blobs; the message names both parties.
        Example:
            CollectiveAllReduce(gradients, X; reduction="mean") -> Y
        """

    def CollectiveBarrier(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Wait until all parties are there: every task in which a barrier of that name is written, and each instance of it.

        Inputs:
            collective: what the session makes for the name of the barrier; see `ops.barrier`.
        Example:
            CollectiveBarrier(epoch)
        """

    def CollectiveBroadcast(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        root: str | bytes | None = '',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = the X of the root, for every party. All parties wait for each other.

        Inputs:
            collective: what the session makes for the name of the broadcast; see `ops.broadcast`.
            X: any tensor, of the party on the node ``root``; the others have none.
        Outputs:
            Y: X.
        Example:
            CollectiveBroadcast(weights, X; root="trainer:0") -> Y
        """

    def ColwiseMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum over the middle one of three axes.

        Inputs:
            X: float32, rank 3.
        Outputs:
            Y: float32, rank 2.
        Example:
            ColwiseMax([[[1 2] [4 3]]]) -> [[4 3]]
        """

    def CommitSink(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Make what was written to a sink visible. It takes nothing more.

        Inputs:
            sink: a sink.
        Raises:
            OperatorError: the sink is committed or closed.
            Exception: whatever the sink raises, as it is; then it is not committed.
        Example:
            OpenSink(; token="f") -> sink
            WriteSink(sink, [1 2])
            CommitSink(sink)
        """

    def ComputeOffset(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Where each record begins in each domain, for `ReadRandomBatch`. The cursor then stands at zeros.

        It walks from the cursor's position on, so take a fresh cursor: on another one the last rows repeat the end.

        Inputs:
            cursor: a cursor.
            dataset_fields: the dataset, as for `ReadNextBatch`.
        Outputs:
            offsetsmat: int64 of shape (records + 1, domains); the last row is the end.
        Raises:
            OperatorError: as of `ReadNextBatch`.
        Example:
            CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
            ComputeOffset(cur, [1 2 3], [2 0 1]:i32, [5 6 7]) -> [[0 0] [1 2] [2 2] [3 3]]:i64
        """

    def Concat(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        axis: int | None = None,
        order: str | bytes | None = 'NCHW',
        add_axis: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The inputs one behind the other along ``axis``, or with ``add_axis`` stacked along a new axis of that number.

        ``axis`` is that of channels in ``order`` if it is not given: 1 for NCHW, 3 for NHWC. So vectors need ``axis=0``.

        Inputs:
            inputs: one dtype, any; equal sizes but for that of ``axis``, with ``add_axis`` all sizes.
        Outputs:
            concat_result: that dtype.
            split_info: int32 vector, the size of each input along the axis.
        Raises:
            DtypeError: the dtypes differ.
            ShapeError: ranks or sizes differ, or there is no such axis.
        Example:
            Concat([1], [2 3]; axis=0) -> [1 2 3], [1 2]:i32
        """

    def ConcatTensorVector(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """All tensors of a vector, one behind the other along their first axis.

        Inputs:
            vector of Tensor: a tensor vector, not empty.
        Outputs:
            tensor: the tensors' dtype.
        Raises:
            DtypeError, ShapeError: the tensors differ in type or inner shape, or have rank 0.
            OperatorError: there are none.
        Example:
            CreateTensorVector() -> tv
            CollectTensor(tv, [[2 2]]; num_to_collect=5) -> tv
            ConcatTensorVector(tv) -> [[2 2]]
        """

    def Conditional(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Rows of DataT where Condition is true, of DataF elsewhere.

        Inputs:
            Condition: bool vector, one entry a row.
            DataT: any dtype, at least rank 1.
            DataF: DataT's dtype and shape.
        Outputs:
            DataO: DataT's dtype and shape.
        Raises:
            DtypeError: Condition is not bool, or the data differ in dtype.
            ShapeError: shapes do not agree.
        Example:
            Conditional([T F], [[1 2] [3 4]], [[5 6] [7 8]]) -> [[1 2] [7 8]]
        """

    def ConditionalSetAtomicBool(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Raise the flag if the first element of a condition is true. A flag is never lowered.

        Inputs:
            atomic_bool: a flag.
            condition: bool, any shape but an empty one.
        Example:
            CreateAtomicBool() -> flag
            ConditionalSetAtomicBool(flag, [T])
            CheckAtomicBool(flag) -> [T]
        """

    def ConstantFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        value: int | float | str | bytes | None = None,
        dtype: int | None = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """One value everywhere. Without ``dtype`` a float gives float32, an int or bool **int64**, no value float32 zeros.

        Inputs:
            X: gives the shape, any dtype.
            V: one element of the output's dtype; takes the place of ``value``.
        Outputs:
            Y: of ``dtype``: float32, float64, bool, int8, int16, int32, int64, uint8, uint16 or string.
        Raises:
            ArgumentError: ``value`` is not of the kind of ``dtype``, or out of its range.
        Example:
            ConstantFill(; shape=[2], value=3) -> [3 3]:i64
        """

    def Conv(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        group: int | None = 1,
        kernel: int | None = 0,
        kernel_h: int | None = None,
        kernel_w: int | None = None,
        kernels: Sequence[int] | None = (),
        stride: int | None = 1,
        stride_h: int | None = None,
        stride_w: int | None = None,
        strides: Sequence[int] | None = (),
        dilation: int | None = 1,
        dilation_h: int | None = None,
        dilation_w: int | None = None,
        dilations: Sequence[int] | None = (),
        pad: int | None = 0,
        pad_t: int | None = None,
        pad_l: int | None = None,
        pad_b: int | None = None,
        pad_r: int | None = None,
        pads: Sequence[int] | None = (),
        order: str | bytes | None = 'NCHW',
        legacy_pad: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Each filter's product with every window of X, summed (cross-correlation: filters are not turned round).

        A window is given by ``kernel``, ``stride``, ``dilation`` and ``pad``, of zeros, for all spatial axes alike; or by
        ``kernel_h``, ``kernel_w`` and so on for the two axes of an image; or by lists with an entry for each axis, where
        ``pads`` has all heads and then all tails. With ``group`` the channels and the filters make that many groups, and
        filters see the channels of their own group.

        Inputs:
            X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
            filter: X's dtype, [M, C / group, kernel...], in the order NHWC [M, kernel..., C / group].
            bias: X's dtype, [M]; is added.
        Outputs:
            Y: X's dtype, [N, M, places...] or [N, places..., M].
        Raises:
            ShapeError: shapes do not fit, or a window is larger than X with its pads.
        Example:
            Conv([[[1 2 3]]], [[[1 10]]]; kernels=[2]) -> [[[21 32]]]
        """

    def ConvTranspose(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        group: int | None = 1,
        no_bias: bool | int | None = False,
        shared_buffer: bool | int | None = False,
        kernel: int | None = 0,
        kernel_h: int | None = None,
        kernel_w: int | None = None,
        kernels: Sequence[int] | None = (),
        stride: int | None = 1,
        stride_h: int | None = None,
        stride_w: int | None = None,
        strides: Sequence[int] | None = (),
        pad: int | None = 0,
        pad_t: int | None = None,
        pad_l: int | None = None,
        pad_b: int | None = None,
        pad_r: int | None = None,
        pads: Sequence[int] | None = (),
        adj: int | None = 0,
        adj_h: int | None = None,
        adj_w: int | None = None,
        adjs: Sequence[int] | None = (),
        order: str | bytes | None = 'NCHW',
        legacy_pad: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X spread out: each element times its channel's filters, summed where these overlap. The adjoint of `Conv`.

        Windows are given as for `Conv`, without dilation. Along each axis Y has (size - 1) * stride + kernel - pads +
        ``adj`` elements; ``adj``, below the stride, may be given as ``adj_h`` and ``adj_w`` or ``adjs`` too.

        Inputs:
            X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
            filter: X's dtype, [C, M / group, kernel...], in the order NHWC [C, kernel..., M / group].
            bias: X's dtype, [M]; is added. With ``no_bias`` there is none.
        Outputs:
            Y: X's dtype, M channels.
        Raises:
            ShapeError: shapes do not fit, X has no elements along an axis, or pads leave none of Y.
        Example:
            ConvTranspose([[[1 2 3]]], [[[1 10]]]; kernels=[2]) -> [[[1 12 23 30]]]
        """

    def Copy(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input under a second name; later writes to either blob leave the other alone.

        Inputs:
            input: any dtype and shape.
        Outputs:
            output: equal to input.
        Example:
            Copy([1 2]) -> [1 2]
        """

    def CopyFromCPUInput(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The same as `Copy`: there is no other device.

        Inputs:
            input: any dtype and shape.
        Outputs:
            output: equal to input.
        Example:
            CopyFromCPUInput([1 2]) -> [1 2]
        """

    def CopyOnDeviceLike(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The same as `Copy`: there is no other device.

        Inputs:
            input: any dtype and shape.
            dst: any tensor; it names the device.
        Outputs:
            output: equal to input.
        Example:
            CopyOnDeviceLike([1 2], [[9]]:i32) -> [1 2]
        """

    def CopyRowsToTensor(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The matrix with the rows that the indices name replaced by one row.

        Inputs:
            input_tensor: any dtype, matrix.
            indices: int32 or int64 vector.
            row: input_tensor's dtype, vector of its width.
        Outputs:
            output_tensor: the same blob.
        Raises:
            OperatorError: an index is out of range.
            ShapeError: the row has another width.
        Example:
            CopyRowsToTensor([[0 0] [0 0]], [1]:i64, [7 8]) -> [[0 0] [7 8]]
        """

    def Cos(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = cos X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Cos([0 1]) -> [1 0.5403023]
        """

    def Cosh(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = cosh input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Cosh([0 1]) -> [1 1.543081]
        """

    def CosineSimilarity(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The cosine of the angle between each row of X and that of Y; the product of norms counts as 1e-12 at least.

        Inputs:
            X, Y: float32, of one shape.
        Outputs:
            Z: float32 vector, one element a row.
        Example:
            CosineSimilarity([[1 0]], [[1 0]]) -> [1]
        """

    def CountDown(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Subtract 1, also where the count then goes below 0.

        Inputs:
            counter: a counter.
        Outputs:
            done: bool of rank 0: was the count 0 or less *before*? A counter of 2 answers F, F, T.
        Example:
            CreateCounter(; init_count=1) -> c
            CountDown(c) -> F ()
            CountDown(c) -> T ()
        """

    def CountIf(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        stat_name: str | bytes,
        message: str | bytes | None = '',
        **call: Unpack[CallFields],
    ) -> None:
        """Where a condition is true, add 1 to the statistic ``stat_name`` of the process, and log ``message``, if any.

        Inputs:
            condition: bool, one element.
        Example:
            CountIf(T (); stat_name="odd_rows", message="an odd row")
        """

    def CountUp(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Add 1.

        Inputs:
            counter: a counter.
        Outputs:
            previous_count: int64 of rank 0, the count before.
        Example:
            CreateCounter(; init_count=7) -> c
            CountUp(c) -> 7 ():i64
            RetrieveCount(c) -> 8 ():i64
        """

    def Crash(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Fail, where Caffe2 ends the process.

        Raises:
            OperatorError: always.
        Example:
            Crash()
        """

    def CreateAtomicBool(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new flag, not raised.

        Outputs:
            atomic_bool: a flag.
        Example:
            CreateAtomicBool() -> flag
        """

    def CreateBlobsQueue(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        capacity: int | None = 1,
        num_blobs: int | None = 1,
        enforce_unique_name: bool | int | None = False,
        field_names: Sequence[str | bytes] | None = (),
        writers: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new, empty queue of records, each of ``num_blobs`` blobs; one that the blob held before is replaced.

        It holds up to ``capacity`` records. ``field_names`` names the columns for statistics. ``writers`` says how many
        writers end with `EndWrites`; the last of them closes the queue.

        Outputs:
            queue: a blob queue.
        Example:
            CreateBlobsQueue(; capacity=4, num_blobs=2) -> q
        """

    def CreateBlobsQueueDB(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        key_blob_index: int | None = -1,
        value_blob_index: int | None = 0,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A database reader whose entries are the records of a queue, which it takes when it is read.

        Blob number ``value_blob_index`` of a record is the value, ``key_blob_index`` the key: byte strings, or string
        tensors of one element. ``timeout_secs`` is how long reading waits (0: no limit).

        Inputs:
            queue: a blob queue.
        Outputs:
            reader: a database reader.
        Raises:
            OperatorError: the records of the queue have no blob of such a number.
        Example:
            CreateBlobsQueue(; capacity=4, num_blobs=2) -> q
            CreateBlobsQueueDB(q; key_blob_index=0, value_blob_index=1) -> r
        """

    def CreateCounter(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        init_count: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new counter that stands at ``init_count``; one that the blob held before is replaced.

        Outputs:
            counter: a counter.
        Example:
            CreateCounter(; init_count=2) -> c
        """

    def CreateDB(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        db: str | bytes | None = '',
        db_type: str | bytes | None = '',
        num_shards: int | None = 1,
        shard_id: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A reader at the beginning of a database.

        ``db`` is used as it is: a relative path begins in the working directory. With ``num_shards`` the reader sees the
        entries number ``shard_id``, ``shard_id + num_shards``, and so on.

        Outputs:
            reader: a database reader.
        Raises:
            OperatorError: there is no such database, or none of its entries is for this shard.
        Example:
            Copy([1 2]) -> a
            Save(a; db="x.db", db_type="minidb")
            CreateDB(; db="x.db", db_type="minidb") -> r
            Load(r; source_blob_names=["a"]) -> [1 2]
        """

    def CreateLine(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new line with nobody in it.

        Outputs:
            line: a line.
        Example:
            CreateLine() -> line
        """

    def CreateMap(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        key_dtype: int | None = 2,
        value_dtype: int | None = 2,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new map without entries; one that the blob held before is replaced.

        Outputs:
            map blob: a map; ``key_dtype`` and ``value_dtype`` are INT32 (2) or INT64 (10).
        Example:
            CreateMap(; key_dtype=10, value_dtype=10) -> m
        """

    def CreateMutex(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new mutex.

        Outputs:
            mutex_ptr: a mutex, for any number of operators.
        Example:
            CreateMutex() -> m
        """

    def CreateRebatchingQueue(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        capacity: int | None = 1,
        num_blobs: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new, empty queue of up to ``capacity`` rows, each of ``num_blobs`` tensors, to change the size of batches.

        Outputs:
            queue: a rebatching queue.
        Example:
            CreateRebatchingQueue(; capacity=100) -> rq
        """

    def CreateScope(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A scope without workspaces, for `Do` to fill; what one in its place held is given up.

        Outputs:
            scope: a scope.
        Example:
            CreateScope() -> sc
        """

    def CreateTensorVector(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new, empty list of tensors; one that the blob held before is replaced.

        Outputs:
            tensor vector: a tensor vector.
        Example:
            CreateTensorVector() -> tv
        """

    def CreateTextFileReader(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        filename: str | bytes | None = '',
        num_passes: int | None = 1,
        field_types: Sequence[int] | None = (),
        strict: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A reader at the beginning of a text file, which it gives out ``num_passes`` times.

        Rows end with a newline, fields stand between tabs. There are no quotes; the byte 0 makes a tab, a newline or a byte
        0 behind it a part of the field. ``filename`` is used as it is: a relative one begins in the working directory.

        ``field_types`` says for each field of a row whether it is FLOAT (1), INT32 (2), STRING (4), INT64 (10) or DOUBLE
        (13). A number is what a field begins with, as C reads it; with ``strict`` it is all of the field but blanks around.

        Outputs:
            handler: a text reader.
        Raises:
            OperatorError: the file cannot be opened.
        Example:
            CreateTextFileReader(; filename="t.txt", field_types=[4,1]) -> r
        """

    def CreateTreeCursor(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        fields: Sequence[str | bytes] | None = (),
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new cursor at the start of a dataset with these ``fields``; one that the blob held before is replaced.

        Outputs:
            cursor: a cursor. It holds no data.
        Example:
            CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
        """

    def CrossEntropy(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """-sum t ln p for each row, with the probabilities p in X and the distribution t in label.

        Inputs:
            X: float32, [n, ...]; a vector is one row.
            label: float32, X's shape, or that of its rows, [n, D].
        Outputs:
            Y: float32, [n].
        Example:
            CrossEntropy([[0.5 0.5]], [[1 0]]) -> [0.6931472]
        """

    def Cube(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X to the third power, element by element; integers wrap.

        Inputs:
            X: float32, float64, int32 or int64, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Cube([2 -3]:i32) -> [8 -27]:i32
        """

    def DBExists(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        db_name: str | bytes | None = '',
        db_type: str | bytes | None = '',
        absolute_path: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether there is a database that is not empty, and whole as far as lengths tell.

        ``db_name`` begins in the root folder of the workspace, or with ``absolute_path`` is used as it is.

        Outputs:
            exists: bool of rank 0; false also if the file is something else, or no type of databases is called ``db_type``.
        Raises:
            OperatorError: the package for that type of databases is not installed.
        Example:
            Save([1 2]; db="x.db", db_type="minidb")
            DBExists(; db_name="x.db", db_type="minidb") -> T ()
        """

    def DenseVectorToIdList(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """The columns where each row is not 0, and how many there are.

        Inputs:
            values: float32 matrix.
        Outputs:
            out_lengths: int32 vector, one a row.
            out_values: int32 vector, the columns, ascending in each row.
        Example:
            DenseVectorToIdList([[0 1 0 1] [0 0 0 0]]) -> [2 0]:i32, [1 3]:i32
        """

    def DepthConcat(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """The inputs one behind the other along axis 1, as by `Concat`.

        Inputs:
            inputs: one dtype, any; rank 2 or more; equal sizes but for that of axis 1.
        Outputs:
            concat_result: that dtype.
            split_info: int32 vector, the size of each input along axis 1.
        Raises:
            DtypeError: the dtypes differ.
            ShapeError: ranks or sizes differ.
        Example:
            DepthConcat([[1]], [[2 3]]) -> [[1 2 3]], [1 2]:i32
        """

    def DepthSplit(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        split: Sequence[int] | None = (),
        **call: Unpack[CallFields],
    ) -> Any:
        """The input in as many pieces along axis 1 as there are outputs, as by `Split`: of sizes ``split``, or equal.

        Inputs:
            input: any dtype, rank 2 or more.
            split: int32 vector, in place of the argument.
        Outputs:
            outputs: the input's dtype.
        Raises:
            ShapeError: the sizes do not add up, or no equal ones do.
        Example:
            DepthSplit([[1 2 3]]; split=[1,2]) -> [[1]], [[2 3]]
        """

    def DequeueBlobs(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Take the oldest record; wait while the queue is empty.

        Inputs:
            queue: a blob queue.
        Outputs:
            blobs: as many as the queue has columns.
        Raises:
            QueueClosedError: the queue is closed and nothing is left.
            ReportedError: nothing came for ``timeout_secs`` (0: no limit).
        Example:
            CreateBlobsQueue(; capacity=2) -> q
            Copy([1 2]) -> a
            EnqueueBlobs(q, a) -> a
            DequeueBlobs(q) -> [1 2]
        """

    def DequeueRebatchingQueue(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_elements: int | None = 1,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Take ``num_elements`` rows, stacked along a new first axis; wait for so many. At the end there may be fewer.

        Inputs:
            queue: a rebatching queue.
        Outputs:
            tensors: as many as the queue has columns.
        Raises:
            QueueClosedError: the queue is closed and nothing is left.
            ReportedError: not enough came for ``timeout_secs`` (0: no limit).
        Example:
            CreateRebatchingQueue(; capacity=10) -> rq
            EnqueueRebatchingQueue(rq, [1 2 3]; enqueue_batch=1)
            DequeueRebatchingQueue(rq; num_elements=2) -> [1 2]
        """

    def DiagonalFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        value: int | float | None = None,
        dtype: int | None = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Zeros, but ``value`` where all positions are equal. ``dtype`` is found as by `ConstantFill`.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: rank 2, or a higher rank with all sizes equal; any dtype of `ConstantFill` but string.
        Raises:
            ShapeError: the rank is below 2, or above it with unequal sizes.
        Example:
            DiagonalFill(; shape=[2,3], value=1.0) -> [[1 0 0] [0 1 0]]
        """

    def Div(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A / B, element by element; integers truncate toward zero, and raise OperatorError where B is 0.

        Inputs:
            A: float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            Div([7 -7]:i32, [2 2]:i32) -> [3 -3]:i32
        """

    def Do(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        net: Net | NetDef,
        inner_blobs: Sequence[str | bytes] | None = (),
        outer_blobs_idx: Sequence[int] | None = (),
        reuse_workspace: bool | int | None = False,
        copy_external_blobs: bool | int | None = False,
        saved_fwd_blobs: Sequence[str | bytes] | None = (),
        **call: Unpack[CallFields],
    ) -> Any:
        """Run a net in a workspace of its own, which stays in the scope.

        The inner blob ``inner_blobs[k]`` *is* the outer blob number ``outer_blobs_idx[k]``, counted through the inputs and
        then the outputs, both without the scope. No other outer blob is visible inside, and no other inner blob outside.
        With ``reuse_workspace`` the net runs in the newest workspace of the scope, if it has one. With
        ``copy_external_blobs`` the workspace keeps what the bound blobs held when the net had run.

        Inputs:
            blobs: what the net reads; each blob is bound once.
            scope: the handle that `CreateScope` makes.
        Outputs:
            blobs: what the net writes; each blob is bound once.
            scope: the same blob as the input.
        Raises:
            OperatorError: a blob is named twice on one side, bound twice or not at all, or a number is too large.
        Example:
            Do(X, sc -> Y, sc; net={t = x + x; y = t}, inner_blobs=[x, y], outer_blobs_idx=[0, 1])
        """

    def DotProduct(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The dot product of each row of X with that of Y; a row is all but the first axis.

        Inputs:
            X, Y: float32, of one shape.
        Outputs:
            Z: float32 vector, one element a row.
        Example:
            DotProduct([[1 2]], [[3 4]]) -> [11]
        """

    def DotProductWithPadding(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        pad_value: float | None = 0.0,
        replicate: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The dot product of each row of X with that of Y, where the narrower matrix is widened.

        With ``pad_value``, or with ``replicate`` by repeating it, where what is left over counts 0.

        Inputs:
            X, Y: float32 matrices of one height.
        Outputs:
            Z: float32 vector, one element a row.
        Raises:
            ShapeError: the heights differ.
        Example:
            DotProductWithPadding([[1 2 3]], [[1 1]]; pad_value=1.0) -> [6]
        """

    def Dropout(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        is_test: bool | int,
        ratio: float | None = 0.5,
        **call: Unpack[CallFields],
    ) -> Any:
        """X with elements set to 0 at random, each with probability ``ratio``, and the others divided by 1 - ``ratio``.

        In a test it is X as it is. Srivastava et al., Dropout (2014), section 10.

        Inputs:
            X: float32 or float64, any shape.
        Outputs:
            Y: X's dtype and shape.
            mask: bool, X's shape: what was kept. Training needs it.
        Raises:
            ArityError: in training, there is no output for the mask.
        Example:
            Dropout([1 2]; is_test=true) -> [1 2]
        """

    def EQ(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = whether A equals B, element by element; false where one is nan.

        Inputs:
            A: bool, float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: bool; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            EQ([1 2]:i32, [2 2]:i32) -> [F T]
        """

    def ElementwiseLinear(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X w + b, for each row of X, which is a matrix split at ``axis``.

        Inputs:
            X: float32, rank above ``axis``.
            w, b: float32 vectors, one element a column.
        Outputs:
            Y: float32, X's shape.
        Example:
            ElementwiseLinear([[1 1]], [2 3], [0 1]) -> [[2 4]]
        """

    def Elu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        alpha: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X where that is above 0, ``alpha`` (e^X - 1) elsewhere.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Elu([-1 2]) -> [-0.6321206 2]
        """

    def EndReads(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Say that one of a queue's readers is done; the last of them closes it, so that writers are refused.

        How many there are was said by `BeginReads`; if it was not, the queue is closed.

        Inputs:
            queue: a blob queue.
        Example:
            CreateBlobsQueue() -> q
            EndReads(q)
            Copy([1 2]) -> a
            SafeEnqueueBlobs(q, a) -> a, T ()
        """

    def EndWrites(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Say that one of a queue's writers is done; the last of them closes it.

        How many there are was said when the queue was made, or by `BeginWrites`; if it was not, the queue is closed.

        Inputs:
            queue: a blob queue.
        Example:
            CreateBlobsQueue(; writers=1) -> q
            EndWrites(q)
            SafeDequeueBlobs(q) -> a, T ()
        """

    def EnforceFinite(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Nothing, if all of the input is finite.

        Inputs:
            input: float32 or float64, any shape.
        Raises:
            OperatorError: an element is nan or infinite; the message has its flat position.
        Example:
            EnforceFinite([1 2])
        """

    def EnqueueBlobs(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Append a record; wait while the queue is full. The values move: the blobs are empty afterwards.

        Inputs:
            queue: a blob queue.
            blobs: as many as the queue has columns, of any kind, no blob twice.
        Outputs:
            blobs: the same blobs, in the same order; they hold nothing until something writes them.
        Raises:
            QueueClosedError: the queue is closed; the values stay.
            ReportedError: the queue was full for ``timeout_secs`` (0: no limit); the values stay.
        Example:
            CreateBlobsQueue(; capacity=2) -> q
            Copy([1 2]) -> a
            EnqueueBlobs(q, a) -> a
            DequeueBlobs(q) -> [1 2]
        """

    def EnqueueRebatchingQueue(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        enqueue_batch: bool | int | None = False,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> None:
        """Append one row, or with ``enqueue_batch`` one for each index along the first axis; wait while the queue is full.

        A batch may exceed the capacity: it goes in as readers make room.

        Inputs:
            queue: a rebatching queue.
            tensors: as many as the queue has columns, of any dtype; of a batch all have the same first size.
        Raises:
            DtypeError, ShapeError: the rows are not like those that the queue got before, or make no batch.
            QueueClosedError: the queue is closed. Rows of a batch that were in by then stay in.
            ReportedError: there was no room for ``timeout_secs`` (0: no limit). The same holds for rows that were in.
        Example:
            CreateRebatchingQueue(; capacity=10) -> rq
            EnqueueRebatchingQueue(rq, [1 2 3]; enqueue_batch=1)
            DequeueRebatchingQueue(rq; num_elements=2) -> [1 2]
        """

    def EnsureCPUOutput(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The same as `Copy`: there is no other device.

        Inputs:
            input: any dtype and shape.
        Outputs:
            output: equal to input.
        Example:
            EnsureCPUOutput([1 2]) -> [1 2]
        """

    def EnsureClipped(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        min: float | None = ...,
        max: float | None = ...,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The parameter clipped to lie between two bounds; with indices and gradient only the rows that are named.

        Inputs:
            param: float32.
            indices: int32 or int64.
            grad: float32, a row for each index; only its shape is looked at.
        Outputs:
            output_param: float32, param's shape.
        Raises:
            ArityError: there are indices and no gradient.
            OperatorError: an index is out of range.
        Example:
            EnsureClipped([[1 5] [7 -7]], [1]:i32, [[0 0]]; min=-1.0, max=1.0) -> [[1 5] [1 -1]]
        """

    def EnsureDense(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input; marks a place where a sparse gradient becomes dense.

        Inputs:
            input: any dtype, at least rank 1.
        Outputs:
            output: equal to input.
        Raises:
            ShapeError: input is of rank 0.
        Example:
            EnsureDense([1 2]) -> [1 2]
        """

    def EnterLine(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Stand at the entrance, alone; wait while somebody else does.

        Inputs:
            line: a line.
        Outputs:
            number: int64 of rank 0, how many entered before.
        Example:
            CreateLine() -> line
            EnterLine(line) -> 0 ():i64
            LeaveLine(line, 0 ():i64)
            EnterLine(line) -> 1 ():i64
        """

    def Erf(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The error function of each element.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: float32, the same shape.
        Example:
            Erf([0 1]) -> [0 0.8427008]
        """

    def Exp(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = e^X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Exp([0 1]) -> [1 2.718282]
        """

    def Expand(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X repeated along axes of size 1 so that it gets the given shape, where 1, 0 or -1 keep the size of X.

        Inputs:
            X: float32, float64, int32 or int64.
            shape: int64 vector. Axes missing on the left, here or there, have size 1.
        Outputs:
            Y: X's dtype.
        Raises:
            ShapeError: a size differs, and is not 1 in X; or X has nothing to repeat.
        Example:
            Expand([1 2], [2 1]:i64) -> [[1 2] [1 2]]
        """

    def ExpandDims(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        dims: Sequence[int],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data with axes of size 1 at the positions ``dims`` of the result; repeats in ``dims`` mean nothing.

        Inputs:
            data: any dtype and shape.
        Outputs:
            expanded: data's dtype.
        Raises:
            ShapeError: a position is not within the result.
        Example:
            ExpandDims([1 2]; dims=[0,2]) -> [[[1] [2]]]
        """

    def FC(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 1,
        axis_w: int | None = 1,
        float16_compute: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X times W transposed, plus b, where X and W are matrices split at ``axis`` and ``axis_w``.

        Inputs:
            X: float32, rank 2 or more, K elements from ``axis`` on.
            W: float32, N rows of K elements.
            b: float32 vector of N elements.
        Outputs:
            Y: float32; X's sizes before ``axis``, then N.
        Raises:
            ShapeError: the sizes do not agree.
        Example:
            FC([[1 2]], [[3 4]], [10]) -> [[21]]
        """

    def FCTransposed(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 1,
        axis_w: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X times W plus b, as `FC` with W given transposed.

        Inputs:
            X: float32, rank 2 or more, K elements from ``axis`` on.
            W: float32, K rows of N elements.
            b: float32 vector of N elements.
        Outputs:
            Y: float32; X's sizes before ``axis``, then N.
        Example:
            FCTransposed([[1 2]], [[3] [4]], [10]) -> [[21]]
        """

    def Fail(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Report failure.

        Raises:
            ReportedError: always.
        Example:
            Fail()
        """

    def FeedBlob(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        value: str | bytes,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A string blob, which is not a tensor.

        Outputs:
            blob: the bytes of ``value``.
        Example:
            FeedBlob(; value="hello") -> name
        """

    def FileStoreHandlerCreate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        path: str | bytes | None = '',
        prefix: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A store in a folder, for this program and all others that name the same folder and prefix.

        ``path`` is used as it is: a relative one begins in the working directory. ``prefix`` begins the names of all files
        of the store.

        Outputs:
            handler: a store.
        Raises:
            OperatorError: there is no such folder.
        Example:
            FileStoreHandlerCreate(; path=".", prefix="job") -> s
        """

    def Find(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        missing_value: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Where in index each element of query is: its flat position, the last one of repeats.

        Inputs:
            index: int32 or int64, any shape.
            query: index's dtype, any shape.
        Outputs:
            query_indices: int32, query's shape; ``missing_value`` for what is not there.
        Example:
            Find([10 20]:i32, [20 5]:i32) -> [1 -1]:i32
        """

    def FindDuplicateElements(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The positions of elements that were there before, ascending.

        Inputs:
            data: float32, float64, int32, int64 or string vector; no nan equals another.
        Outputs:
            indices: int64 vector.
        Example:
            FindDuplicateElements([1 2 1]) -> [2]:i64
        """

    def Flatten(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X as a matrix: the axes before ``axis`` become the first, the others the second.

        Inputs:
            X: any dtype, of rank ``axis`` or more.
        Outputs:
            Y: X's dtype, rank 2.
        Raises:
            ShapeError: ``axis`` is negative or above the rank.
        Example:
            Flatten([[[1 2]] [[3 4]]]) -> [[1 2] [3 4]]
        """

    def FlattenToVec(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """All elements as a vector, row-major.

        Inputs:
            input: any dtype, rank 1 or more.
        Outputs:
            output: that dtype, a vector.
        Example:
            FlattenToVec([[1 2] [3 4]]) -> [1 2 3 4]
        """

    def FloatToHalf(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The elements as float16, rounded to nearest; what is too large becomes infinite.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float16, X's shape.
        Example:
            FloatToHalf([1.5 2]) -> [1.5 2]:f16
        """

    def Floor(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = the greatest whole number not above X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Floor([1.2 -1.2]) -> [1 -2]
        """

    def Free(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> Any:
        """Empty the blobs: they stay in the workspace and hold nothing until something writes them.

        Inputs:
            blobs: anything, also what is empty already.
        Outputs:
            blobs: the same blobs, in the same order.
        Example:
            Copy([1 2]) -> a
            Free(a) -> a
        """

    def Ftrl(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        alpha: float | None = 0.005,
        beta: float | None = 1.0,
        lambda1: float | None = 0.001,
        lambda2: float | None = 0.001,
        **call: Unpack[CallFields],
    ) -> Any:
        """Follow the regularised leader, by coordinate.

        After McMahan and others, "Ad click prediction", 2013, algorithm 1.

        n' = n + grad^2; z' = z + grad - (sqrt(n') - sqrt(n)) / ``alpha`` var; var' = 0 where abs(z') <= ``lambda1``,
        else (lambda1 sign(z') - z') / ((``beta`` + sqrt(n')) / alpha + ``lambda2``).

        Inputs:
            var, grad: float32, one shape.
            n_z: float32, that shape and a last axis of 2: n and z.
            alpha: float32, one element, in place of the argument.
        Outputs:
            output_var, output_n_z: what they are afterwards.
        Example:
            Ftrl([0], [[0 0]], [2]; alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0) -> [-0.5], [[4 2]]
        """

    def GE(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A >= B, element by element; false where one is nan.

        Inputs:
            A: bool, float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: bool; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            GE([1 2 3], [2 2 2]) -> [F T T]
        """

    def GFtrl(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        alpha: float | None = 0.005,
        beta: float | None = 1.0,
        lambda1: float | None = 0.001,
        lambda2: float | None = 0.001,
        **call: Unpack[CallFields],
    ) -> Any:
        """As `Ftrl`, but a column becomes 0 as a whole, by the norm of its z.

        After Ni and others, 2019.

        With the norm Z of a column of D rows: var' = 0 where Z <= ``lambda1`` sqrt(D), else
        z' (lambda1 sqrt(D) / Z - 1) / ((``beta`` + sqrt(n')) / ``alpha`` + ``lambda2``).

        Inputs:
            var, grad: float32 matrices of one shape.
            n_z: float32, that shape and a last axis of 2: n and z.
            alpha: float32, one element, in place of the argument.
        Outputs:
            output_var, output_n_z: what they are afterwards.
        Example:
            GFtrl([[0]], [[[0 0]]], [[2]]; alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0) -> [[-0.5]], [[[4 2]]]
        """

    def GRUUnit(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        sequence_lengths: bool | int | None = True,
        drop_states: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """One step of a gated recurrent unit, from gates that are computed already.

        With s(x) = 1 / (1 + e^-x): hidden = s(u) hidden_prev + (1 - s(u)) tanh(n). Rows whose length is reached keep their
        states, or with ``drop_states`` have zeros. (Cho and others, 2014.)

        Inputs:
            hidden_prev: float32, (1, batch, size).
            gates: float32, (1, batch, 3 size): reset, which is not used here, u and n.
            seq_lengths: int32 vector, one a row of the batch; not there with ``sequence_lengths`` false.
            timestep: int32, one element.
        Outputs:
            hidden: float32, (1, batch, size).
        Example:
            GRUUnit([[[1]]], [[[0 0 0]]], [1]:i32, [0]:i32) -> [[[0.5]]]
        """

    def GT(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A > B, element by element; false where one is nan.

        Inputs:
            A: bool, float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: bool; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            GT([1 2 3], [2 2 2]) -> [F F T]
        """

    def Gather(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 0,
        match_outer: bool | int | None = False,
        wrap_indices: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The slices of DATA along ``axis`` that INDICES name; negative indices count from the end.

        With ``match_outer`` DATA and INDICES share the axes before ``axis``, and each place there has indices of its own.
        ``wrap_indices`` is accepted and changes nothing.

        Inputs:
            DATA: any dtype, rank above ``axis``.
            INDICES: int32 or int64, any shape.
        Outputs:
            OUTPUT: DATA's dtype; DATA's shape with the size of ``axis`` replaced by the shape of INDICES.
        Raises:
            OperatorError: an index is out of range.
            ShapeError: DATA has no such axis, or the axes before it differ with ``match_outer``.
        Example:
            Gather([5 6 7], [2 0]:i32) -> [7 5]
        """

    def GatherByKey(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The inverse of `Partition` for one tensor: for each key, the next row of its shard.

        Inputs:
            keys: int32 or int64, of any shape, as they were before they were divided among n shards.
            sharded_values: n tensors of one dtype and inner shape, the rows of each shard in the order of their keys.
        Outputs:
            values: that dtype; the shape of the keys, then the inner shape.
        Raises:
            DtypeError: the shards differ in dtype.
            ShapeError: they differ in inner shape, or a shard has not as many rows as keys.
        Example:
            GatherByKey([2 1 4]:i32, [5 7], [6]) -> [5 6 7]
        """

    def GatherPadding(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        padding_width: int | None = 1,
        end_padding_width: int | None = -1,
        **call: Unpack[CallFields],
    ) -> Any:
        """The sum of all rows of padding; of those before and those behind the segments apart if two outputs are asked for.

        Inputs:
            data_in: float32, float64, int32 or int64, rank 1 or more.
            lengths: int32 vector, of segments with their padding.
        Outputs:
            padding_sum, end_padding_sum: data_in's dtype, the shape of a row.
        Raises:
            OperatorError: a segment is shorter than its padding.
            ShapeError: the lengths do not add up to the rows.
        Example:
            GatherPadding([[1 1] [2 2] [3 3]], [3]:i32) -> [4 4]
        """

    def GatherRanges(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """The stretches of DATA that RANGES give by start and length, one behind the other.

        Inputs:
            DATA: vector of any dtype.
            RANGES: int32 or int64, shape (n, m, 2).
        Outputs:
            OUTPUT: vector of DATA's dtype.
            LENGTHS: int32 vector, how many elements each of the n rows gave.
        Raises:
            OperatorError: a range reaches outside of DATA.
        Example:
            GatherRanges([1 2 3], [[[2 1] [0 1]]]:i32) -> [3 1], [2]:i32
        """

    def GatherRangesToDense(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        lengths: Sequence[int] | None = (),
        min_observation: int | None = 10000,
        max_mismatched_ratio: float | None = 0.01,
        max_empty_ratio: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Output k has the k-th stretch of each row of RANGES if that is ``lengths[k]`` long, else zeros.

        The instance counts stretches from call to call. It fails when of some output more than ``max_mismatched_ratio``
        have another length, or more than ``max_empty_ratio`` have length 0, as parts of all that it has seen, or of
        ``min_observation`` if that is more. A ratio of 1 or more allows all.

        Inputs:
            DATA: vector of any dtype.
            RANGES: int32 or int64, shape (n, m, 2): m stretches by start and length, one for each output.
            KEY: int32 or int64 vector, one for each element of DATA: stretches are put into the order of their keys.
        Outputs:
            OUTPUT: m matrices of DATA's dtype, shape (n, ``lengths[k]``); of strings, empty ones stand for zeros.
        Raises:
            ArgumentError: ``lengths`` is missing, or a ratio is out of range.
            OperatorError: a stretch reaches outside of DATA, or too many have another length or none.
            ShapeError: there are not as many stretches in a row as lengths, or as many keys as elements.
        Example:
            GatherRangesToDense([1 2 3], [[[1 2] [0 1]]]:i32; lengths=[2,1]) -> [[2 3]], [[1]]
        """

    def GaussianFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        mean: float | None = 0.0,
        std: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Normal numbers with that mean and standard deviation.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: float32.
        Example:
            GaussianFill(; shape=[2], mean=3.0, std=0.0) -> [3 3]
        """

    def Gelu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        fast_gelu: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X times the normal distribution function of X, with ``fast_gelu`` approximated by a tanh.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Gelu([0 1]) -> [0 0.8413447]
        """

    def GetAllBlobNames(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        include_shared: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The names of all blobs of the workspace, that of the output among them.

        Outputs:
            blob_names: string vector; without ``include_shared`` the names that parents have are left out.
        Example:
            Copy([1 2]) -> a
            GetAllBlobNames() -> n
        """

    def GetCursorOffset(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Where the cursor stands.

        Inputs:
            cursor: a cursor.
        Outputs:
            offsets: int32 vector, the next entry of each domain, the top level first; empty before the first read.
        Raises:
            OperatorError: an offset is no int32.
        Example:
            CreateTreeCursor(; fields=["a"]) -> cur
            ReadNextBatch(cur, [1 2 3]; batch_size=2) -> [1 2]
            GetCursorOffset(cur) -> [2]:i32
        """

    def GivenTensorBoolFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[bool | int],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major, as `GivenTensorFill` with bool.

        Example:
            GivenTensorBoolFill(; shape=[3], values=[true,false,true]) -> [T F T]
        """

    def GivenTensorByteStringToUInt8Fill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[str | bytes],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The bytes of the one text in ``values``, row-major.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: uint8.
        Raises:
            ShapeError: there are more or fewer bytes than elements.
        Example:
            GivenTensorByteStringToUInt8Fill(; shape=[3], values=["abc"]) -> [97 98 99]:u8
        """

    def GivenTensorDoubleFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[float],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major, as `GivenTensorFill` with float64.

        Example:
            GivenTensorDoubleFill(; shape=[1,2], values=[0.25,3.0]) -> [[0.25 3]]:f64
        """

    def GivenTensorFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[float] | Sequence[int] | Sequence[str | bytes],
        dtype: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: of ``dtype``: float32, float64, bool, int32, int64 or string.
        Raises:
            ArgumentError: the values are not of the kind of ``dtype``.
            ShapeError: there are more or fewer values than elements.
        Example:
            GivenTensorFill(; shape=[2,1], values=[1.0,2.5]) -> [[1] [2.5]]
        """

    def GivenTensorInt16Fill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[int],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major, as `GivenTensorFill` with int16.

        Example:
            GivenTensorInt16Fill(; shape=[3], values=[1,-2,300]) -> [1 -2 300]:i16
        """

    def GivenTensorInt64Fill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[int],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major, as `GivenTensorFill` with int64.

        Example:
            GivenTensorInt64Fill(; shape=[2], values=[1,2]) -> [1 2]:i64
        """

    def GivenTensorIntFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[int],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major, as `GivenTensorFill` with int32.

        Example:
            GivenTensorIntFill(; shape=[], values=[1]) -> 1 ():i32
        """

    def GivenTensorStringFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        values: Sequence[str | bytes],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Literal contents, row-major, as `GivenTensorFill` with string.

        Example:
            GivenTensorStringFill(; shape=[2], values=["a",""]) -> ["a" ""]:str
        """

    def Glu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        dim: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = a s(b), where a and b are the halves of X along ``dim``.

        Inputs:
            X: float32, an even size of axis ``dim``.
        Outputs:
            Y: float32, half as large.
        Raises:
            ShapeError: there is no such axis, or its size is odd.
        Example:
            Glu([2 0]) -> [1]
        """

    def GroupNorm(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        group: int | None = 32,
        epsilon: float | None = 1e-05,
        order: str | bytes | None = 'NCHW',
        is_test: bool | int | None = False,
        num_groups: int | None = 32,
        **call: Unpack[CallFields],
    ) -> Any:
        """(X - mean) / sqrt(variance + ``epsilon``) * gamma + beta, by the mean and variance of each image's groups.

        The number of groups is ``group``; ``num_groups`` is accepted and changes nothing. Wu and He, Group normalization
        (2018).

        Inputs:
            X: float32 or float64, [N, C, ...], in the order NHWC [N, ..., C].
            gamma, beta: X's dtype, [C].
        Outputs:
            Y: X's dtype and shape.
            mean: X's dtype, [N, group].
            std: the same: 1 / sqrt(variance + ``epsilon``), **not** the deviation.
        Raises:
            ShapeError: the channels do not make that many groups, or gamma or beta do not have an element a channel.
        Example:
            GroupNorm([[1 3 5 7]], [1 1 1 1], [0 0 0 9]; group=2, epsilon=3.0) -> [[-0.5 0.5 -0.5 9.5]]
        """

    def HalfToFloat(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The elements as float32, exactly.

        Inputs:
            X: float16, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            HalfToFloat([1.5]:f16) -> [1.5]
        """

    def HardSigmoid(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        alpha: float | None = 0.2,
        beta: float | None = 0.5,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = ``alpha`` X + ``beta``, clipped to 0 to 1.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            HardSigmoid([-5 0 1]) -> [0 0.5 0.7]
        """

    def HasElements(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether any of the tensors has an element.

        Inputs:
            tensors: any dtypes and shapes.
        Outputs:
            has_elements: bool, rank 0.
        Example:
            HasElements([], [1]) -> T ()
        """

    def HasNoRows(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether the first axis of the tensor has size 0, whatever its other axes.

        Inputs:
            tensor: any dtype, at least one axis.
        Outputs:
            has_no_rows: bool, rank 0.
        Example:
            HasNoRows([1 2]) -> F ()
        """

    def HasScope(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether the scope holds a workspace.

        Inputs:
            scope: a scope.
        Outputs:
            has: bool of shape (1,).
        Example:
            CreateScope() -> sc
            HasScope(sc) -> [F]
        """

    def IncrementPut(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        stat_name: str | bytes | None = '',
        magnitude_expand: int | None = 1,
        default_value: float | None = None,
        bound: bool | int | None = False,
        has_bound: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> None:
        """Add a value to the statistic ``<name>/stat_value`` of the process.

        The value is the first element times ``magnitude_expand``, truncated toward zero; ``default_value`` stands for the
        element if there is none. The name is ``stat_name``, or that of the input.

        Inputs:
            value: float32, float64, int32 or int64, any shape.
        Raises:
            OperatorError: the value is nan, or, without ``bound``, beyond int64; with ``bound`` it is the nearest int64.
            ShapeError: there is no element and no ``default_value``.
        Example:
            IncrementPut([5.1]; stat_name="s", magnitude_expand=10)
        """

    def IndexFreeze(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Add no keys any more when they are looked up. An index is frozen for good.

        Inputs:
            handle: an index.
        Outputs:
            handle: the same index.
        Example:
            IntIndexCreate() -> ix
            IndexFreeze(ix) -> ix
            IndexGet(ix, [8]:i32) -> [0]:i64
        """

    def IndexGet(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The number of each key. Keys that are not known get the next ones; in a frozen index they have 0.

        Inputs:
            handle: an index.
            keys: the index's dtype, any shape.
        Outputs:
            indices: int64, the shape of keys.
        Raises:
            OperatorError: all ``max_elements`` numbers are taken, and a key would need another.
        Example:
            IntIndexCreate() -> ix
            IndexGet(ix, [7 8 7]:i32) -> [1 2 1]:i64
        """

    def IndexHash(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        seed: int | None = 0,
        modulo: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A hash of each element, from 0 to below ``modulo``, which must be given.

        It begins as ``seed`` times 0xDEADBEEF, and for each byte of the element from the lowest up, as a signed number,
        h becomes h 65537 + byte, in the wrapping arithmetic of the type.

        Inputs:
            Indices: int32 or int64, any shape.
        Outputs:
            HashedIndices: Indices' dtype and shape.
        Raises:
            OperatorError: the type of Indices does not hold all numbers below ``modulo``.
        Example:
            IndexHash([1 2 1]:i32; modulo=10) -> [9 8 9]:i32
        """

    def IndexLoad(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        skip_first_entry: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Replace the contents: the first key gets the number 1, the next one 2, and so on, in a frozen index too.

        Inputs:
            handle: an index.
            items: the index's dtype, any shape; with ``skip_first_entry`` the first is left out.
        Outputs:
            handle: the same index.
        Raises:
            OperatorError: a key is repeated, or there are more than ``max_elements``; the index is as before.
        Example:
            IntIndexCreate() -> ix
            IndexLoad(ix, [7 8]:i32) -> ix
            IndexGet(ix, [8]:i32) -> [2]:i64
        """

    def IndexSize(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """How many numbers are in use, the 0 for unknown keys included: 1 if there are no keys.

        Inputs:
            handle: an index.
        Outputs:
            items: int64 of rank 0.
        Example:
            IntIndexCreate() -> ix
            IndexLoad(ix, [7 8]:i32) -> ix
            IndexSize(ix) -> 3 ():i64
        """

    def IndexStore(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The keys, in the order of their numbers.

        Inputs:
            handle: an index.
        Outputs:
            items: vector of the index's dtype; the key with number 1 comes first.
        Example:
            IntIndexCreate() -> ix
            IndexLoad(ix, [7 8]:i32) -> ix
            IndexStore(ix) -> [7 8]:i32
        """

    def InstanceNorm(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        epsilon: float | None = 1e-05,
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> Any:
        """(input - mean) / sqrt(variance + ``epsilon``) * scale + bias, by the mean and variance of each image and channel.

        Ulyanov, Vedaldi, Lempitsky, Instance normalization (2016).

        Inputs:
            input: float32 or float64, [N, C, ...], in the order NHWC [N, ..., C].
            scale, bias: the input's dtype, [C].
        Outputs:
            output: the input's dtype and shape.
            saved_mean: that dtype, [N, C].
            saved_inv_stdev: the same: 1 / sqrt(variance + ``epsilon``).
        Raises:
            ShapeError: scale or bias do not have an element a channel.
        Example:
            InstanceNorm([[[1 3]]], [1], [10]; epsilon=3.0) -> [[[9.5 10.5]]], [[2]], [[0.5]]
        """

    def IntIndexCreate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        max_elements: int | None = 2147483647,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new index of int32 keys. ``max_elements`` is how many numbers there may be, the 0 for unknown ones included.

        Outputs:
            handler: an index.
        Example:
            IntIndexCreate(; max_elements=4) -> ix
        """

    def IsEmpty(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether the tensor has no element.

        Inputs:
            tensor: any dtype and shape.
        Outputs:
            is_empty: bool, rank 0.
        Example:
            IsEmpty([1 2]) -> F ()
        """

    def IsMemberOf(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        value: Sequence[int] | Sequence[str | bytes] | None = (),
        dtype: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether each element is in the list ``value``; false everywhere if there is none.

        Inputs:
            X: int32, int64, bool or string, any shape; the type that ``dtype`` names, if it is given.
        Outputs:
            Y: bool, X's shape.
        Raises:
            DtypeError: X has another dtype, or ``value`` holds another kind.
        Example:
            IsMemberOf([1 2]:i32; value=[2]) -> [F T]
        """

    def IsNaN(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """1 where the element is nan, 0 elsewhere.

        Inputs:
            tensor: float32 or float64, any shape.
        Outputs:
            output: uint8, the same shape.
        Example:
            IsNaN([1 NaN]) -> [0 1]:u8
        """

    def Iter(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Add 1 to an iteration number.

        Inputs:
            iter: int64, one element, any rank, not negative. Without it the number is what the output holds, at first [0].
        Outputs:
            iter: int64, one more, of the same shape.
        Raises:
            OperatorError: the number is negative, or the largest that there is.
        Example:
            Iter([41]:i64) -> [42]:i64
        """

    def KeySplit(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        categorical_limit: int,
        **call: Unpack[CallFields],
    ) -> Any:
        """For each key from 0 to before ``categorical_limit``, the positions where it stands.

        Inputs:
            keys: int64 vector.
        Outputs:
            positions: ``categorical_limit`` int32 vectors, ascending.
        Raises:
            ArityError: there is not one output for each key.
            OperatorError: a key is out of range.
        Example:
            KeySplit([1 0 1]:i64; categorical_limit=2) -> [1]:i32, [0 2]:i32
        """

    def KeyValueToMap(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Put values into a map by their keys. A key keeps the first value that it got, in this call or an earlier one.

        Inputs:
            key blob: int32 or int64, any shape.
            value blob: int32 or int64, as many elements as there are keys.
        Outputs:
            map blob: the map that the blob held before, if its keys and values are of these dtypes; else a new one.
        Example:
            KeyValueToMap([1 2 1]:i64, [10 20 30]:i64) -> m
        """

    def L1Distance(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the magnitudes of the differences between each row of X and that of Y.

        Inputs:
            X, Y: float32, of one shape.
        Outputs:
            Z: float32 vector, one element a row.
        Example:
            L1Distance([[1 2]], [[5 6]]) -> [8]
        """

    def LE(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A <= B, element by element; false where one is nan.

        Inputs:
            A: bool, float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: bool; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            LE([1 2 3], [2 2 2]) -> [T T F]
        """

    def LRN(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        size: int | None = 0,
        alpha: float | None = 0.0,
        beta: float | None = 0.0,
        bias: float | None = 1.0,
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> Any:
        """X * scale ** -beta, where scale = bias + alpha / size * (sum of squares of the ``size`` nearest channels).

        The channels are those from size // 2 before to size // 2 after; those that are not there count 0.
        Krizhevsky, Sutskever, Hinton, ImageNet classification (2012), section 3.3.

        Inputs:
            X: float32 or float64, rank 2 or more.
        Outputs:
            Y: X's dtype and shape.
            Y_scale: the same; the scale.
        Example:
            LRN([[[1 2 3]]]; size=3, alpha=3.0, beta=1.0, order="NHWC") -> [[[0.16666667 0.13333333 0.21428571]]]
        """

    def LSTMUnit(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        forget_bias: float | None = 0.0,
        sequence_lengths: bool | int | None = True,
        drop_states: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """One step of a long short-term memory, from gates that are computed already.

        With s(x) = 1 / (1 + e^-x): cell = s(f + ``forget_bias``) cell_prev + s(i) tanh(g), hidden = s(o) tanh(cell). Rows
        whose length is reached keep their states, or with ``drop_states`` have zeros. (Hochreiter and Schmidhuber, 1997;
        the forget gate after Gers, 2000.)

        Inputs:
            hidden_prev, cell_prev: float32, (1, batch, size).
            gates: float32, (1, batch, 4 size): i, f, o, g.
            seq_lengths: int32 vector, one a row of the batch; not there with ``sequence_lengths`` false.
            timestep: int32, one element.
        Outputs:
            hidden, cell: float32, (1, batch, size).
        Example:
            LSTMUnit([[[0]]], [[[1]]], [[[0 0 0 0]]], [1]:i32, [0]:i32) -> [[[0.23105858]]], [[[0.5]]]
        """

    def LT(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A < B, element by element; false where one is nan.

        Inputs:
            A: bool, float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: bool; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            LT([1 2 3], [2 2 2]) -> [T F F]
        """

    def LabelCrossEntropy(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """-ln of the probability of each row's label.

        Inputs:
            X: float32, [n, ...]; a vector is one row.
            label: int32 or int64, [n] or [n, 1].
        Outputs:
            Y: float32, [n].
        Raises:
            OperatorError: a label is not the number of an element of its row.
        Example:
            LabelCrossEntropy([[0.5 0.5]], [1]:i32) -> [0.6931472]
        """

    def Lars(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        offset: float | None = 0.5,
        lr_min: float | None = 0.02,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The rate of a layer: trust / (norm(dX) / norm(X) + wd + ``offset``), at most lr_max, at least ``lr_min``.

        Where X is 0 everywhere the norms count as equal. (You, Gitman and Ginsburg, 2017.)

        Inputs:
            X, dX: float32, one shape, the parameter and its gradient.
            wd, trust, lr_max: float32, one element each.
        Outputs:
            lr_rescaled: float32 vector of one element.
        Example:
            Lars([3 4], [3 4], [0], [1], [10]; offset=1.0) -> [0.5]
        """

    def LastNWindowCollector(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        num_to_collect: int,
        **call: Unpack[CallFields],
    ) -> Any:
        """The last ``num_to_collect`` rows that came by, in a ring.

        Rows are appended until the window has so many; then they overwrite the oldest ones, from the position *next* on. A
        window without rows takes on the type and inner shape of the data, and begins at position 0.

        Inputs:
            last-N buffer: the window, rank 1 or more.
            next cursor: int32 of rank 0, the position of the next row.
            DATA: the window's dtype and inner shape; of more than ``num_to_collect`` rows only the last are used.
            MUTEX: a mutex, if other steps use the window at once.
            NUM_VISITED: int64, one element, how many rows there were up to now.
        Outputs:
            last-N buffer, next cursor, NUM_VISITED: the same blobs.
        Raises:
            OperatorError: window and position do not go together, as where the window has more than ``num_to_collect``
                rows.
        Example:
            LastNWindowCollector([[1 1] [2 2]], 0 ():i32, [[3 3]]; num_to_collect=2) -> [[3 3] [2 2]], 1 ():i32
        """

    def LatchIf(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Make a blob true if a condition is; otherwise leave it alone, so that what others made true stays so.

        Inputs:
            latch: bool of rank 0.
            condition: bool, one element.
        Outputs:
            latch: the same blob.
        Example:
            LatchIf(F (), T ()) -> T ()
            LatchIf(T (), F ()) -> T ()
        """

    def LayerNorm(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        axis: int | None = 1,
        epsilon: float | None = 1e-05,
        elementwise_affine: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """(input - mean) / sqrt(variance + ``epsilon``), by the mean and variance of everything from ``axis`` on.

        With ``elementwise_affine`` that is multiplied by gamma, and beta added. Ba, Kiros, Hinton, Layer normalization
        (2016).

        Inputs:
            input: float32 or float64, rank 2 or more.
            gamma, beta: the input's dtype, as many elements as what is normalised at a time.
        Outputs:
            output: the input's dtype and shape.
            mean: that dtype; the sizes before ``axis``, and a 1.
            stddev: the same: sqrt(variance + ``epsilon``).
        Raises:
            ArityError: gamma and beta are given without ``elementwise_affine``, or not given with it.
            ShapeError: there is no such axis, or gamma or beta have another number of elements.
        Example:
            LayerNorm([[1 3]]; epsilon=3.0) -> [[-0.5 0.5]], [[2]], [[2]]
        """

    def LeakyRelu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        alpha: float | None = 0.01,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X where that is 0 or more, ``alpha`` X elsewhere.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            LeakyRelu([-2 3]; alpha=0.5) -> [-1 3]
        """

    def LearningRate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        base_lr: float | None = None,
        policy: str | bytes | None = 'fixed',
        gamma: float | None = None,
        power: float | None = None,
        stepsize: int | None = None,
        max_iter: int | None = None,
        num_iter: int | None = None,
        start_multiplier: float | None = 0.0,
        end_multiplier: float | None = 0.0,
        multiplier: float | None = 0.5,
        multiplier_1: float | None = 1.0,
        multiplier_2: float | None = 1.0,
        start_warmup_multiplier: float | None = 0.1,
        constant_warmup_num_iter: int | None = None,
        linear_warmup_num_iter: int | None = None,
        active_first: bool | int | None = True,
        active_period: int | None = None,
        inactive_period: int | None = None,
        max_lr: float | None = None,
        min_lr: float | None = 0.0,
        decay: float | None = 1.0,
        period: int | None = None,
        t_mult: float | None = 1.0,
        lr_shrink: float | None = 0.99,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """``base_lr`` times the factor of a policy at this iteration.

        At iteration t the factors are:

        - ``fixed``: 1
        - ``step``: gamma^floor(t / stepsize)
        - ``exp``: gamma^t
        - ``inv``: (1 + gamma t)^-power
        - ``poly``: (1 - t / max_iter)^power, 0 from max_iter on
        - ``linearWarmup``: from start_multiplier up to 1 in num_iter iterations
        - ``constantWarmup``: multiplier before num_iter, then 1
        - ``constantThenLinearWarmup``: start_warmup_multiplier for constant_warmup_num_iter, then up to 1 in
          linear_warmup_num_iter
        - ``alter``: 1 for active_period, 0 for inactive_period, in turn, beginning as active_first says
        - ``hill``: linearWarmup before num_iter, then as inv from there, but at least end_multiplier
        - ``gate``: multiplier_1 before num_iter, multiplier_2 from there on
        - ``cyclical``: triangles between base_lr and max_lr, up in stepsize iterations and down again, each decay times as
          high as the one before
        - ``cosine``: half a cosine from max_lr to min_lr, in cycles of period, each t_mult times as long as the one before
          and between bounds lr_shrink times as high; base_lr does not matter then

        Inputs:
            input: int64, one element, the iteration.
        Outputs:
            output: float32 of rank 0.
        Raises:
            ArgumentError: the policy is unknown, or an argument that it needs is not given or makes no sense.
            OperatorError: the iteration is negative.
        Example:
            LearningRate([5]:i64; base_lr=0.5, policy="step", stepsize=2, gamma=0.5) -> 0.125 ()
        """

    def LearningRateAdaption(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        lr_alpha: float | None = 0.01,
        normalized_lr_adaption: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The rate by how far the gradient points the same way as the update that was made with it.

        lr (1 - ``lr_alpha`` cos(grad, effgrad)), or lr - lr_alpha (grad . effgrad) with ``normalized_lr_adaption`` false.
        (Baydin and others, "Online learning rate adaptation with hypergradient descent", 2017.)

        Inputs:
            lr: float32, one element.
            grad, effgrad: float32, one shape.
        Outputs:
            output_lr: float32, lr's shape.
        Example:
            LearningRateAdaption([0.5], [3 4], [3 4]; lr_alpha=0.5) -> [0.25]
        """

    def LeaveLine(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Leave the line, from wherever one stands; to leave again, or with a negative number, changes nothing.

        Inputs:
            line: a line.
            number: int64, one element, of `EnterLine`.
        Example:
            CreateLine() -> line
            EnterLine(line) -> n
            LeaveLine(line, n)
            LeaveLine(line, n)
        """

    def LengthsGather(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The segments that INDICES name, one behind the other.

        Inputs:
            ITEMS: any dtype, rank 1 or more.
            LENGTHS: int32 or int64 vector that adds up to the number of items.
            INDICES: int32 or int64 vector of segment numbers.
        Outputs:
            OUTPUT: ITEMS' dtype.
        Raises:
            OperatorError: an index is negative or too large, or a length is negative.
            ShapeError: the lengths do not add up to the number of items.
        Example:
            LengthsGather([1 2 3], [2 1]:i32, [1 0]:i32) -> [3 1 2]
        """

    def LengthsMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum of each segment of rows, column by column; 0 of an empty one.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            LENGTHS: int32 or int64 vector that adds up to the number of rows.
        Outputs:
            OUTPUT: DATA's dtype, a row for each length.
        Raises:
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the number of rows.
        Example:
            LengthsMax([1 5 3], [2 1 0]:i32) -> [5 3 0]
        """

    def LengthsMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of each segment of rows, column by column; 0 of an empty one.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            LENGTHS: int32 or int64 vector that adds up to the number of rows.
        Outputs:
            OUTPUT: DATA's dtype, a row for each length.
        Raises:
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the number of rows.
        Example:
            LengthsMean([1 5 3], [2 1 0]:i32) -> [3 3 0]
        """

    def LengthsPad(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        padding_value: float | None = -1.0,
        target_length: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The segments one behind the other, each filled up to ``target_length`` with ``padding_value``.

        Inputs:
            DATA: any dtype that holds ``padding_value``, no strings; rank 1 or more.
            LENGTHS: int32 or int64 vector that adds up to the number of rows of DATA.
        Outputs:
            OUTPUT: DATA's dtype; ``target_length`` rows for each segment.
        Raises:
            ArgumentError: ``target_length`` is below 1, or missing.
            OperatorError: a length is negative, or above ``target_length``.
            ShapeError: the lengths do not add up to the number of rows.
        Example:
            LengthsPad([1 2 3], [2 1]:i32; target_length=2) -> [1 2 3 -1]
        """

    def LengthsPartition(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        pack_first_input: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """Segments divided among n shards, row by row, as by `Partition`; each shard has the lengths of what is left.

        Inputs:
            input: the lengths, an int32 or int64 vector; the keys, another; then tensors of as many rows.
        Outputs:
            partitions: n times as many as inputs, lengths first, as int32: all of shard 0, then all of shard 1, and so on.
        Raises:
            ArityError: there are no keys, or the outputs are not a multiple of the inputs.
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the keys, or a tensor has not as many rows.
        Example:
            LengthsPartition([1 1]:i32, [4 7]:i64) -> [1 0]:i32, [4]:i64, [0 1]:i32, [7]:i64
        """

    def LengthsRangeFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """0 to l-1 for each length l in turn.

        Inputs:
            lengths: int32 vector, nothing negative.
        Outputs:
            range_sequence: int32 vector, as long as the lengths together.
        Example:
            LengthsRangeFill([3 1]:i32) -> [0 1 2 0]:i32
        """

    def LengthsSplit(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        n_split: int | None = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Each length cut into ``n_split`` parts that differ by 1 at most, the greater ones first.

        Inputs:
            LENGTHS: int32 or int64 vector.
            n_split: int32 or int64, one element, in place of the argument.
        Outputs:
            Y: int32 vector, ``n_split`` parts for each length.
        Raises:
            ArgumentError: both or none of argument and input give ``n_split``.
            OperatorError: a length is negative, or the input is below 1.
        Example:
            LengthsSplit([4 5]:i32; n_split=3) -> [2 1 1 2 2 1]:i32
        """

    def LengthsSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of each segment of rows, column by column; 0 of an empty one.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            LENGTHS: int32 or int64 vector that adds up to the number of rows.
        Outputs:
            OUTPUT: DATA's dtype, a row for each length.
        Raises:
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the number of rows.
        Example:
            LengthsSum([1 5 3], [2 1 0]:i32) -> [6 3 0]
        """

    def LengthsTile(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Each row as often as its length says.

        Inputs:
            DATA: any dtype, rank 1 or more.
            LENGTHS: int32 or int64 vector, one a row.
        Outputs:
            OUTPUT: DATA's dtype.
        Raises:
            OperatorError: a length is negative.
            ShapeError: there are not as many lengths as rows.
        Example:
            LengthsTile([1 2], [2 0]:i32) -> [1 1]
        """

    def LengthsToOffsets(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        include_last_offset: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Where every segment begins, and with ``include_last_offset`` where the last one ends.

        Inputs:
            lengths: int32 or int64 vector.
        Outputs:
            offsets: int32 vector.
        Raises:
            OperatorError: a length is negative, or the sum does not fit int32.
        Example:
            LengthsToOffsets([2 0 1]:i32; include_last_offset=1) -> [0 2 2 3]:i32
        """

    def LengthsToRanges(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Start and length of every segment.

        Inputs:
            lengths: int32 or int64 vector.
        Outputs:
            ranges: int32, shape (number of lengths, 2).
        Raises:
            OperatorError: a length is negative, or the sum does not fit int32.
        Example:
            LengthsToRanges([2 0 1]:i32) -> [[0 2] [2 0] [2 1]]:i32
        """

    def LengthsToSegmentIds(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The number of its segment for every row.

        Inputs:
            lengths: int32 or int64 vector.
        Outputs:
            segment_ids: int32 vector, as long as the sum of the lengths.
        Raises:
            OperatorError: a length is negative.
        Example:
            LengthsToSegmentIds([2 0 1]:i32) -> [0 0 2]:i32
        """

    def LengthsToShape(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The shape of the matrix whose rows are the segments: how many there are, and the length that all have.

        Inputs:
            X: int32 or int64 vector.
        Outputs:
            Y: int32 vector of two.
        Raises:
            OperatorError: the lengths differ, there are none, or they are negative.
        Example:
            LengthsToShape([3 3]:i32) -> [2 3]:i32
        """

    def LengthsToWeights(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        power: float | None = 0.5,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """For every row 1 by the length of its segment to the ``power``.

        Inputs:
            lengths: int32 or int64 vector.
        Outputs:
            weights: float32 vector, as long as the sum of the lengths.
        Raises:
            OperatorError: a length is negative.
        Example:
            LengthsToWeights([4 1]:i32) -> [0.5 0.5 0.5 0.5 1]
        """

    def LengthsWeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        grad_on_weights: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of each segment of rows, each row times its weight; 0 of an empty segment.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SCALARS: vector of DATA's dtype, a weight for each row.
            LENGTHS: int32 or int64 vector that adds up to the number of rows.
        Outputs:
            OUTPUT: DATA's dtype, a row for each length.
        Raises:
            OperatorError: a length is negative.
            ShapeError: weights or lengths do not fit the rows.
        Example:
            LengthsWeightedSum([1 2 3], [1 0.5 2], [2 1]:i32) -> [2 6]
        """

    def LetNextIn(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Free the entrance, and keep one's place in the line.

        Inputs:
            line: a line.
            number: int64, one element, of `EnterLine`.
        Example:
            CreateLine() -> line
            EnterLine(line) -> n
            LetNextIn(line, n)
            EnterLine(line) -> 1 ():i64
        """

    def Load(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        db: str | bytes | None = '',
        dbs: Sequence[str | bytes] | None = (),
        db_type: str | bytes | None = '',
        absolute_path: bool | int | None = False,
        add_prefix: str | bytes | None = '',
        strip_prefix: str | bytes | None = '',
        load_all: bool | int | None = False,
        allow_incomplete: bool | int | None = False,
        source_blob_names: Sequence[str | bytes] | None = (),
        keep_device: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """Read blobs from the readers, or else from the databases ``dbs``, or else from ``db``: all, or none if one fails.

        A blob of a database is called as it is there, without all up to the first ``strip_prefix``, with ``add_prefix`` in
        front. By these names the outputs are found, or ``source_blob_names``, one for each output. With ``load_all`` all
        blobs are read, and blobs of these names get them. Paths are as for `Save`. A reader goes on as far as it is read.

        Inputs:
            readers: database readers.
        Outputs:
            blobs: whatever was saved. With ``allow_incomplete`` those that are not there keep what they hold.
        Raises:
            OperatorError: a blob is not there, or in two databases, or only a part of it; names are there twice; or a
                database cannot be read.
        Example:
            Save([1 2], [3]:i32; db="x.db", db_type="minidb", blob_name_overrides=["a","b"])
            Load(; db="x.db", db_type="minidb") -> b, a
            Load(; db="x.db", db_type="minidb", source_blob_names=["a","b"]) -> [1 2], [3]:i32
        """

    def Log(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = ln X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Log([1 2]) -> [0 0.6931472]
        """

    def LogFatal(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Fail, where Caffe2 ends the process.

        Raises:
            OperatorError: always.
        Example:
            LogFatal()
        """

    def Logit(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        eps: float | None = 1e-06,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = ln(X / (1 - X)) of X clipped to ``eps`` to ``1 - eps``, element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Logit([0.5 0.9]) -> [0 2.197225]
        """

    def LongIndexCreate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        max_elements: int | None = 2147483647,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new index of int64 keys. ``max_elements`` is how many numbers there may be, the 0 for unknown ones included.

        Outputs:
            handler: an index.
        Example:
            LongIndexCreate(; max_elements=4) -> ix
        """

    def LpNorm(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        p: int | None = 2,
        average: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the squares of all elements, **without a root**; with ``p=1`` that of their magnitudes.

        Inputs:
            X: float32, any shape.
        Outputs:
            Z: float32 vector of one element; with ``average`` divided by the number of elements, 0 over nothing.
        Example:
            LpNorm([3 -4]) -> [25]
        """

    def MSRAFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Normal numbers of deviation sqrt(2 / fan_out), where fan_out is the number of elements over the second size.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: float32.
        Raises:
            ShapeError: there is no second axis, or its size is 0.
        Example:
            MSRAFill(; shape=[4,3]) -> w
            Shape(w) -> [4 3]:i64
        """

    def MakeTwoClass(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The probabilities 1 - X and X of no and yes, side by side along a new last axis.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape and a 2.
        Example:
            MakeTwoClass([0.25 1]) -> [[0.75 0.25] [0 1]]
        """

    def MapToKeyValue(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """All entries of a map, in no order that could be relied upon.

        Inputs:
            map blob: a map.
        Outputs:
            key blob: vector of the dtype of the map's keys.
            value blob: vector of the dtype of its values; the value of each key stands where the key does.
        Example:
            KeyValueToMap([1 2 1]:i64, [10 20 30]:i64) -> m
            MapToKeyValue(m) -> [1 2]:i64, [10 20]:i64
        """

    def MarginRankingCriterion(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        margin: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """max(0, ``margin`` - Y (X1 - X2)), element by element: how much is missing until the better score leads by that.

        Inputs:
            X1, X2: float32, one shape, scores.
            Y: int32 or int64, the same shape: 1 where X1 should be the higher one, -1 where X2 should.
        Outputs:
            loss: float32, the same shape.
        Example:
            MarginRankingCriterion([1 2], [2 1], [1 1]:i32; margin=0.5) -> [1.5 0]
        """

    def MatMul(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis_a: int | None = 1,
        axis_b: int | None = 1,
        trans_a: bool | int | None = False,
        trans_b: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = A times B, as matrices split at ``axis_a`` and ``axis_b``, transposed first where asked for.

        Inputs:
            A, B: float32, rank 2 or more.
            unused: not looked at.
        Outputs:
            Y: float32, rank 2.
        Raises:
            ShapeError: the sizes do not agree.
        Example:
            MatMul([[1 2]], [[3] [4]]) -> [[11]]
        """

    def Max(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The largest of all inputs, element by element; nan where one of them is nan.

        Inputs:
            A: float32, any shape.
            rest: A's dtype and shape; nothing broadcasts.
        Outputs:
            M: A's dtype and shape.
        Raises:
            DtypeError: an input is not float32.
            ShapeError: shapes differ.
        Example:
            Max([1 5], [4 2]) -> [4 5]
        """

    def MaxPool(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        global_pooling: bool | int | None = False,
        kernel: int | None = 0,
        kernel_h: int | None = None,
        kernel_w: int | None = None,
        kernels: Sequence[int] | None = (),
        stride: int | None = 1,
        stride_h: int | None = None,
        stride_w: int | None = None,
        strides: Sequence[int] | None = (),
        pad: int | None = 0,
        pad_t: int | None = None,
        pad_l: int | None = None,
        pad_b: int | None = None,
        pad_r: int | None = None,
        pads: Sequence[int] | None = (),
        order: str | bytes | None = 'NCHW',
        legacy_pad: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The greatest element of every window; pads do not count.

        Windows are given as for `Conv`, without dilation; with ``global_pooling`` there is one, the whole image.

        Inputs:
            X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
        Outputs:
            Y: X's dtype, [N, C, places...] or [N, places..., C]; nan where a window holds one.
        Raises:
            ShapeError: X has no spatial axes or no elements along one, or a window is larger than X with its pads.
        Example:
            MaxPool([[[1 3 2 0]]]; kernels=[2], strides=[2]) -> [[[3 2]]]
        """

    def Mean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of the inputs, element by element.

        Inputs:
            A: float32 or float64, any shape.
            rest: A's dtype and shape.
        Outputs:
            M: A's dtype and shape.
        Example:
            Mean([1 2], [3 4]) -> [2 3]
        """

    def MergeDim(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data with its first two axes made one.

        Inputs:
            data: any dtype, rank 2 or more.
        Outputs:
            reshaped: data's dtype.
        Example:
            MergeDim([[1 2] [3 4]]) -> [1 2 3 4]
        """

    def MergeIdLists(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """For each example the sorted union of its lists of ids, each id once.

        Inputs:
            lengths_0: int32 or int64 vector, how many ids each example has in the first list.
            values_0: int32 or int64 vector, these ids.
            more: further pairs of lengths and ids, of as many examples and the same dtype.
        Outputs:
            merged_lengths: int32 vector, one an example.
            merged_values: the ids' dtype.
        Raises:
            DtypeError: the lists differ in dtype.
            ShapeError: lists have other numbers of examples, or lengths do not add up to the ids.
        Example:
            MergeIdLists([1 2]:i32, [5 6 7]:i64, [2 0]:i32, [5 9]:i64) -> [2 2]:i32, [5 9 6 7]:i64
        """

    def Min(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The smallest of all inputs, element by element; nan where one of them is nan.

        Inputs:
            A: float32, any shape.
            rest: A's dtype and shape; nothing broadcasts.
        Outputs:
            M: A's dtype and shape.
        Raises:
            DtypeError: an input is not float32.
            ShapeError: shapes differ.
        Example:
            Min([1 5], [4 2]) -> [1 2]
        """

    def Mish(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X tanh(ln(1 + e^X)), element by element.

        Inputs:
            X: float32 or float64, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Mish([0 1]) -> [0 0.8650984]
        """

    def Mod(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        divisor: int,
        sign_follow_divisor: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The remainder of each element, with the sign of X, or with ``sign_follow_divisor`` that of the divisor.

        Inputs:
            X: int32 or int64, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Mod([7 -7]:i64; divisor=3) -> [1 -1]:i64
        """

    def Moments(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> Any:
        """Mean, and variance divided by the count, over ``axes``, which are taken as by `ReduceSum`.

        Inputs:
            data: float32, any shape.
        Outputs:
            mean, variance: float32; 0 over nothing.
        Example:
            Moments([1 3]) -> [2], [1]
        """

    def MomentumSGD(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        momentum: float | None = 0.0,
        nesterov: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The step of gradient descent with momentum: m' = ``momentum`` m + lr grad, which is the step.

        With ``nesterov`` the step is (1 + ``momentum``) m' - ``momentum`` m. (Sutskever and others, 2013.)

        Inputs:
            grad, moment: float32, one shape.
            lr: float32, one element, positive to descend.
        Outputs:
            output_grad: the step, which is to be subtracted from the parameter.
            output_moment: m'.
        Example:
            MomentumSGD([0.5 -1], [0.1 0.2], [0.1]; momentum=0.9) -> [0.14 0.08], [0.14 0.08]
        """

    def MomentumSGDUpdate(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        momentum: float | None = 0.0,
        nesterov: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """As `MomentumSGD`, and the step subtracted from the parameter.

        Inputs:
            grad, moment, param: float32, one shape.
            lr: float32, one element, positive to descend.
        Outputs:
            output_grad: the step.
            output_moment, output_param: the momentum and the parameter afterwards.
        Example:
            MomentumSGDUpdate([0.5 -1], [0.1 0.2], [0.1], [1 2]) -> [0.05 -0.1], [0.05 -0.1], [0.95 2.1]
        """

    def Mul(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A * B, element by element; integers wrap.

        Inputs:
            A: float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            Mul([1 2], [3 4]) -> [3 8]
        """

    def MultiClassAccuracy(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """For each class the share of its examples in which it has the highest score, and how many examples it has.

        Of equal scores the first is the highest.

        Inputs:
            prediction: float32, [n, D], scores. A row with a nan is never right.
            labels: int32 or int64 vector, n or more; what follows the first n is not looked at.
        Outputs:
            accuracies: float32, [D]; 0 for a class without examples.
            amounts: int32, [D].
        Raises:
            OperatorError: a label is not the number of a class.
            ShapeError: there are fewer labels than rows.
        Example:
            MultiClassAccuracy([[0.1 0.9] [0.6 0.4]], [1 1]:i32) -> [0 0.5], [0 2]:i32
        """

    def NCHW2NHWC(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data with its second axis, that of channels, moved to the end.

        Inputs:
            data: any dtype, rank 3 or more.
        Outputs:
            output: data's dtype.
        Example:
            NCHW2NHWC([[[1 3 5] [2 4 6]]]) -> [[[1 2] [3 4] [5 6]]]
        """

    def NE(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = whether A differs from B, element by element; true where one is nan.

        Inputs:
            A: bool, float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: bool; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            NE([1 2]:i32, [2 2]:i32) -> [T F]
        """

    def NHWC2NCHW(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data with its last axis, that of channels, moved to the second place.

        Inputs:
            data: any dtype, rank 3 or more.
        Outputs:
            output: data's dtype.
        Example:
            NHWC2NCHW([[[1 2] [3 4] [5 6]]]) -> [[[1 3 5] [2 4 6]]]
        """

    def NanCheck(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The first input, if all of it is finite; the others are not looked at.

        Inputs:
            tensor: float32, any shape.
            more: float32.
        Outputs:
            output: equal to tensor.
        Raises:
            OperatorError: an element is nan or infinite.
        Example:
            NanCheck([1 2]) -> [1 2]
        """

    def Negative(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = -X, element by element; integers wrap.

        Inputs:
            X: float32, float64, int32 or int64, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Negative([1 -2]) -> [-1 2]
        """

    def Normalize(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input divided by its Euclidean norm along ``axis``, which counts as 1e-12 at least.

        Inputs:
            input: float32, rank 1 or more.
        Outputs:
            output: float32, the same shape.
        Example:
            Normalize([3 4]) -> [0.6 0.8]
        """

    def NormalizeL1(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input divided by the sum of its magnitudes along ``axis``; 0 where that is 0.

        Inputs:
            input: float32, rank 1 or more.
        Outputs:
            output: float32, the same shape.
        Example:
            NormalizeL1([2 -2]) -> [0.5 -0.5]
        """

    def Not(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = whether X is false, element by element.

        Inputs:
            X: bool, any shape.
        Outputs:
            Y: bool, X's shape.
        Example:
            Not([T F]) -> [F T]
        """

    def NumpyTile(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data repeated along every axis.

        Inputs:
            data: any dtype.
            repeats: int64 vector, a count for each axis.
        Outputs:
            tiled_data: data's dtype.
        Raises:
            ShapeError: there are not as many counts as axes, or one is negative.
        Example:
            NumpyTile([[1 2] [3 4]], [1 2]:i64) -> [[1 2 1 2] [3 4 3 4]]
        """

    def OneHot(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """For each index a row that is 1 there and 0 elsewhere.

        Inputs:
            indices: int32 or int64 vector.
            index_size_tensor: int32 or int64, one element: the width of a row.
        Outputs:
            one_hots: float32, shape (number of indices, width).
        Raises:
            OperatorError: an index is negative or not below the width, or the width is negative.
        Example:
            OneHot([1 0]:i64, [3]:i64) -> [[0 1 0] [1 0 0]]
        """

    def OpenSink(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        token: str | bytes | None = '',
        pickled_builder: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Call a function, without arguments, that returns a sink, and open that.

        A sink has ``open()``, ``write(columns)``, ``commit()`` and ``abort()``.

        Outputs:
            sink: a sink.
        Raises:
            OperatorError: the function is not known, or returned no sink.
            Exception: whatever the function or the sink raises, as it is.
        Example:
            OpenSink(; token="f") -> sink
        """

    def OpenSource(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        token: str | bytes | None = '',
        pickled_builder: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Call a function, without arguments, that returns a source, and open that.

        A source has ``parts()``, which iterates over functions, each of which iterates over the batches of one part; and
        ``skipped``, the number of records that were left out so far.

        Outputs:
            source: a source.
        Raises:
            OperatorError: the function is not known, or returned no source.
            Exception: whatever the function raises, as it is.
        Example:
            OpenSource(; token="f") -> source
        """

    def Or(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A or B, element by element.

        Inputs:
            A: bool, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            Or([T F], [F F]) -> [T F]
        """

    def PRelu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X where that is above 0, Slope X elsewhere.

        Inputs:
            X: float32, rank 2 or more.
            Slope: float32 vector of one element, or of one a channel: axis 1, with ``order="NHWC"`` the last.
        Outputs:
            Y: float32, X's shape.
        Raises:
            ShapeError: Slope has another number of elements.
        Example:
            PRelu([[-1 2] [-1 -2]], [0.5 2]) -> [[-0.5 2] [-0.5 -4]]
        """

    def PackRecords(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        fields: Sequence[str | bytes] | None = (),
        pack_to_single_shared_ptr: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A dataset as a vector with one element a record, or with ``pack_to_single_shared_ptr`` with one for all of it.

        Where top-level fields differ in length the shortest counts.

        Inputs:
            fields: a tensor for each of the argument ``fields``; lengths are int32.
        Outputs:
            tensor: vector of packed records.
        Raises:
            OperatorError: lengths are negative, or ask for more entries than there are.
        Example:
            PackRecords([1 2], [2 1]:i32, [5 6 7]; fields=["a", "b:lengths", "b:values"]) -> packed
            UnPackRecords(packed; fields=["a", "b:lengths", "b:values"]) -> [1 2], [2 1]:i32, [5 6 7]
        """

    def PackSegments(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        max_length: int | None = -1,
        pad_minf: bool | int | None = False,
        return_presence_mask: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """Each segment in a row of its own; rows are as long as the longest segment, or ``max_length``.

        What is missing is 0 or an empty string, with ``pad_minf`` minus infinity where the dtype has that. Segments
        that are longer than ``max_length`` are **cut**.

        Inputs:
            lengths: int32 or int64 vector that adds up to the number of rows of tensor.
            tensor: any dtype, rank 1 or more.
        Outputs:
            packed_tensor: tensor's dtype, shape (number of segments, length of rows, ...).
            presence_mask: bool, shape (number of segments, length of rows): what is not missing.
        Raises:
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the number of rows.
        Example:
            PackSegments([1 2]:i32, [1 2 3]) -> [[1 0] [2 3]], [[T F] [T T]]
        """

    def PadImage(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        mode: str | bytes | None = 'constant',
        value: float | None = 0.0,
        kernel: int | None = 0,
        kernel_h: int | None = None,
        kernel_w: int | None = None,
        kernels: Sequence[int] | None = (),
        stride: int | None = 1,
        stride_h: int | None = None,
        stride_w: int | None = None,
        strides: Sequence[int] | None = (),
        pad: int | None = 0,
        pad_t: int | None = None,
        pad_l: int | None = None,
        pad_b: int | None = None,
        pad_r: int | None = None,
        pads: Sequence[int] | None = (),
        order: str | bytes | None = 'NCHW',
        legacy_pad: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X with ``value`` around it; or, by ``mode``, its mirror image (reflect) or its outermost elements again (edge).

        Pads are given as for `Conv`. Kernels are accepted and change nothing, as do strides of 1.

        Inputs:
            X: float32 or float64, [N, C, size...], in the order NHWC [N, size..., C].
        Outputs:
            Y: X's dtype and rank.
        Raises:
            ShapeError: X has no spatial axes, or too few elements along one to be mirrored or repeated.
        Example:
            PadImage([[[1 2 3]]]; pads=[1,2], mode="reflect") -> [[[2 1 2 3 2 1]]]
        """

    def Partition(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        pack_first_input: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The rows of all inputs divided among n shards: those whose key is k modulo n go to shard k.

        The remainder is never negative. With ``pack_first_input`` the keys become (key - shard) / n.

        Inputs:
            input: the keys, int32 or int64, of any shape; then any tensors whose shapes begin with that of the keys.
        Outputs:
            partitions: n times as many as inputs: all of shard 0, then all of shard 1, and so on; in the order of the keys.
        Raises:
            ArityError: the outputs are not a multiple of the inputs.
            ShapeError: a shape does not begin with that of the keys.
        Example:
            Partition([0 1 2 3 4]:i32) -> [0 2 4]:i32, [1 3]:i32
        """

    def Perplexity(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The product of p^(-1/n) over all n probabilities, which is e to the mean of -ln p.

        Inputs:
            probabilities: float32, any shape.
        Outputs:
            output: float32, rank 0; 1 over nothing, infinity if a probability is 0.
        Example:
            Perplexity([0.5 0.5]) -> 2 ()
        """

    def Pow(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        exponent: float | None = None,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X to the power of ``exponent``, or of the second input, element by element.

        Inputs:
            X: float32, any shape.
            exponent: float32, X's shape; or with ``broadcast`` a run of X's axes that begins at ``axis``, or one element.
        Outputs:
            Y: float32, X's shape.
        Example:
            Pow([1 2 3]; exponent=2.0) -> [1 4 9]
        """

    def PrependDim(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        dim_size: int,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data with its first axis, of size n, split into two of sizes ``dim_size`` and ``n / dim_size``.

        Inputs:
            data: any dtype, rank 1 or more.
        Outputs:
            reshaped: data's dtype.
        Raises:
            ShapeError: the first size is no multiple of ``dim_size``.
        Example:
            PrependDim([1 2 3 4]; dim_size=2) -> [[1 2] [3 4]]
        """

    def Print(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        to_file: bool | int | None = False,
        limit: int | None = 0,
        every_n: int | None = 1,
        **call: Unpack[CallFields],
    ) -> None:
        """Write a blob's name, element type, shape and first elements to the log; of a handle, what it is.

        It does so at the first of every ``every_n`` calls. ``limit`` is how many elements are shown (0: 1000). With
        ``to_file`` the line is appended to ``<blob>.log`` in the root folder of the workspace instead.

        Inputs:
            tensor: anything.
        Example:
            Print([1 2])
        """

    def QueueStatistics(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """What went through a queue since it was made, in records or rows, and who waits for it now.

        Inputs:
            queue: a blob queue or a rebatching queue.
        Outputs:
            fill: int64 of rank 0, as all of these: how many it holds.
            put: how many it took from writers.
            taken: how many it gave to readers.
            refused: how many it did not take from writers, since it was closed.
            putting: how many writers wait.
            taking: how many readers wait.
            closed: bool of rank 0.
        Example:
            CreateBlobsQueue(; capacity=2) -> q
            Copy([1 2]) -> a
            EnqueueBlobs(q, a) -> a
            QueueStatistics(q) -> 1 ():i64, 1 ():i64, 0 ():i64, 0 ():i64, 0 ():i64, 0 ():i64, F ()
        """

    def Range(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The numbers from ``start`` (0 if only one input is given, which is ``stop`` then) up to before ``stop``.

        Inputs:
            start, stop, step: one element each, one dtype of float32, float64, int32 and int64.
        Outputs:
            output: that dtype, ``ceil((stop - start) / step)`` elements, at least none.
        Raises:
            OperatorError: step is 0, or the count is no finite number.
        Example:
            Range(1 (), 7 (), 2 ()) -> [1 3 5]
        """

    def RangeFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """0, 1, 2, ... in row-major order.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: float32.
        Example:
            RangeFill(; shape=[2,2]) -> [[0 1] [2 3]]
        """

    def ReadNextBatch(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        batch_size: int | None = 1,
        enforce_batch_size: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The next ``batch_size`` records, or what is left; at the end empty fields, again and again.

        With ``enforce_batch_size`` an incomplete last batch is skipped: it is the end already. Where top-level fields
        differ in length the shortest counts. Records that are appended after the end was met can be read then.

        Inputs:
            cursor: a cursor.
            dataset_fields: the dataset, a tensor for each of the cursor's fields; lengths are int32.
        Outputs:
            fields: of each field the entries that belong to the records.
        Raises:
            OperatorError: lengths ask for more entries than there are, or are negative; the dataset has fewer records than
                were read already; there are not as many fields as the cursor has. The cursor stays where it was.
        Example:
            CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
            ReadNextBatch(cur, [1 2 3], [2 0 1]:i32, [5 6 7]; batch_size=2) -> [1 2], [2 0]:i32, [5 6]
        """

    def ReadRandomBatch(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        batch_size: int | None = 1,
        enforce_batch_size: bool | int | None = False,
        loop_over: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The next ``batch_size`` records in the order of indices, or what is left; at the end empty fields.

        With ``loop_over`` there is no end: behind the last index comes the first, though never in one batch. With
        ``enforce_batch_size`` an incomplete last batch counts as the end. The cursor holds a single position, among the
        indices; it advances by ``batch_size`` with each call.

        Inputs:
            cursor: a cursor.
            idx: int64 vector, numbers of records, as of `SortAndShuffle`; they may repeat.
            offsetsmat: the int64 matrix of `ComputeOffset`.
            dataset_fields: the dataset, as for `ReadNextBatch`.
        Outputs:
            fields: of each field the entries that belong to the records.
        Raises:
            OperatorError: an index is none of the matrix's records; a field has not the entries that the matrix says; a
                complete batch is asked for, for ever, of fewer indices.
        Example:
            CreateTreeCursor(; fields=["a", "b:lengths", "b:values"]) -> cur
            ReadRandomBatch(cur, [1]:i64, [[0 0] [1 2] [2 3]]:i64, [1 2], [2 1]:i32, [5 6 7]) -> [2], [1]:i32, [7]
        """

    def ReadSource(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        row_columns: Sequence[int] | None = (),
        **call: Unpack[CallFields],
    ) -> Any:
        """The next batch of a source; at the end a flag says so.

        One reader gets the batches in the order of the source. Several at once each read a part of their own, where there
        are so many. Batches without rows are passed over. What comes is copied, so the source may go on using it.
        ``row_columns`` are the numbers of the columns with a row for each record, which have equal sizes; all if not given.

        Inputs:
            source: a source.
        Outputs:
            columns: one for each array of a batch; at the end they keep what they hold.
            should_stop: bool of rank 0; true means "nothing read".
        Raises:
            OperatorError: a batch has another number of columns, or the source is closed.
            DtypeError: it has what no tensor can hold.
            ShapeError: its columns differ in their number of rows.
            Exception: whatever the source raises, as it is.
        Example:
            OpenSource(; token="f") -> source
            ReadSource(source) -> [1 2], F ()
        """

    def Reciprocal(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = 1 / X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Reciprocal([2 4]) -> [0.5 0.25]
        """

    def ReduceBackMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_reduce_dim: int | None = 1,
        num_reduce_dims: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum over the last ``num_reduce_dim`` axes.

        ``num_reduce_dims`` is accepted and changes nothing.

        Inputs:
            X: float32.
            lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
        Outputs:
            Y: X's dtype, the other axes; 0 over nothing.
        Raises:
            ShapeError: X has fewer axes than that, or the lengths do not fit.
        Example:
            ReduceBackMax([[1 2] [3 6]]) -> [2 6]
        """

    def ReduceBackMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_reduce_dim: int | None = 1,
        num_reduce_dims: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean, truncated for integers, over the last ``num_reduce_dim`` axes.

        ``num_reduce_dims`` is accepted and changes nothing.

        Inputs:
            X: float32, float64, int32 or int64.
            lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
        Outputs:
            Y: X's dtype, the other axes; 0 over nothing.
        Raises:
            ShapeError: X has fewer axes than that, or the lengths do not fit.
        Example:
            ReduceBackMean([[1 2] [3 6]]) -> [1.5 4.5]
        """

    def ReduceBackSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_reduce_dim: int | None = 1,
        num_reduce_dims: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum over the last ``num_reduce_dim`` axes.

        ``num_reduce_dims`` is accepted and changes nothing.

        Inputs:
            X: float32, float64, int32 or int64.
            lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
        Outputs:
            Y: X's dtype, the other axes; 0 over nothing.
        Raises:
            ShapeError: X has fewer axes than that, or the lengths do not fit.
        Example:
            ReduceBackSum([[1 2] [3 6]]) -> [3 9]
        """

    def ReduceFrontMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_reduce_dim: int | None = 1,
        num_reduce_dims: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum over the first ``num_reduce_dim`` axes.

        ``num_reduce_dims`` is accepted and changes nothing.

        Inputs:
            X: float32.
            lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
        Outputs:
            Y: X's dtype, the other axes; 0 over nothing.
        Raises:
            ShapeError: X has fewer axes than that, or the lengths do not fit.
        Example:
            ReduceFrontMax([[1 2] [3 6]]) -> [3 6]
        """

    def ReduceFrontMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_reduce_dim: int | None = 1,
        num_reduce_dims: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean, truncated for integers, over the first ``num_reduce_dim`` axes.

        ``num_reduce_dims`` is accepted and changes nothing.

        Inputs:
            X: float32, float64, int32 or int64.
            lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
        Outputs:
            Y: X's dtype, the other axes; 0 over nothing.
        Raises:
            ShapeError: X has fewer axes than that, or the lengths do not fit.
        Example:
            ReduceFrontMean([[1 2] [3 6]]) -> [2 4]
        """

    def ReduceFrontSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_reduce_dim: int | None = 1,
        num_reduce_dims: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum over the first ``num_reduce_dim`` axes.

        ``num_reduce_dims`` is accepted and changes nothing.

        Inputs:
            X: float32, float64, int32 or int64.
            lengths: int32 vector, one entry for each element of the result: how many of the leading elements count.
        Outputs:
            Y: X's dtype, the other axes; 0 over nothing.
        Raises:
            ShapeError: X has fewer axes than that, or the lengths do not fit.
        Example:
            ReduceFrontSum([[1 2] [3 6]]) -> [4 8]
        """

    def ReduceL1(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of magnitudes over ``axes``, which are taken as by `ReduceSum`.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32; 0 over nothing.
        Example:
            ReduceL1([3 -4]) -> [7]
        """

    def ReduceL2(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The root of the sum of squares over ``axes``, which are taken as by `ReduceSum`.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32; 0 over nothing.
        Example:
            ReduceL2([3 -4]) -> [5]
        """

    def ReduceMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum over ``axes``, which are taken as by `ReduceSum`.

        Inputs:
            data: float32, float64, int32 or int64, any shape.
        Outputs:
            reduced: data's dtype; over nothing the least finite number.
        Example:
            ReduceMax([[1 2] [3 4]]; axes=[0], keepdims=0) -> [3 4]
        """

    def ReduceMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean over ``axes``, which are taken as by `ReduceSum`.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32; 0 over nothing.
        Example:
            ReduceMean([[1 2] [3 4]]; axes=[0], keepdims=0) -> [2 3]
        """

    def ReduceMin(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The minimum over ``axes``, which are taken as by `ReduceSum`.

        Inputs:
            data: float32, float64, int32 or int64, any shape.
        Outputs:
            reduced: data's dtype; over nothing the greatest finite number.
        Example:
            ReduceMin([[1 2] [3 4]]; axes=[0], keepdims=0) -> [1 2]
        """

    def ReduceSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        keepdims: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum over ``axes``, by default all; integers wrap. The axes stay, with size 1, unless ``keepdims`` is false.

        Inputs:
            X: float32, float64, int32 or int64, any shape.
        Outputs:
            Y: X's dtype; 0 over nothing.
        Raises:
            ShapeError: X has no such axis.
        Example:
            ReduceSum([[1 2] [3 4]]; axes=[0], keepdims=0) -> [4 6]
        """

    def ReduceTailSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of each row.

        Inputs:
            mat: float32, rank 1 or more.
        Outputs:
            output: float32 vector.
        Example:
            ReduceTailSum([[1 2] [3 4]]) -> [3 7]
        """

    def Relu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = max(X, 0), element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Relu([-1 2]) -> [0 2]
        """

    def ReluN(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        n: float | None = 6.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = min(max(X, 0), ``n``), element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            ReluN([-1 2 9]; n=6.0) -> [0 2 6]
        """

    def RemoveDataBlocks(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data without the rows that the indices name; repeats do no harm.

        Inputs:
            data: any dtype, rank 1 or more.
            indices: int32 or int64 vector.
        Outputs:
            shrunk_data: data's dtype.
        Raises:
            OperatorError: an index is out of range.
        Example:
            RemoveDataBlocks([1 2 3], [0 2]:i64) -> [2]
        """

    def RemovePadding(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        padding_width: int | None = 1,
        end_padding_width: int | None = -1,
        **call: Unpack[CallFields],
    ) -> Any:
        """The inverse of `AddPadding`: every segment without its first and its last rows.

        Inputs:
            data_in: any dtype, rank 1 or more.
            lengths: int32 vector, of segments with their padding; without it all rows are one segment.
        Outputs:
            data_out: data_in's dtype.
            lengths_out: int32 vector.
        Raises:
            OperatorError: a segment is shorter than its padding.
            ShapeError: the lengths do not add up to the rows.
        Example:
            RemovePadding([0 1 0 0 2 3 0], [3 4]:i32) -> [1 2 3], [1 2]:i32
        """

    def ReplaceNaN(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        value: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input with ``value`` in place of nan.

        Inputs:
            input: float32 or float64, any shape.
        Outputs:
            output: the input's dtype and shape.
        Example:
            ReplaceNaN([1 NaN]; value=2.0) -> [1 2]
        """

    def ReservoirSampling(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        num_to_collect: int,
        **call: Unpack[CallFields],
    ) -> Any:
        """A sample of ``num_to_collect`` of the rows that come by, each with the same chance to be in it.

        With ids a row whose id is in the reservoir is skipped, and not counted. A reservoir without rows takes on the type
        and inner shape of the data, and counts from 0.

        Inputs:
            RESERVOIR: rank 1 or more.
            NUM_VISITED: int64, one element, how many rows were counted up to now.
            DATA: the reservoir's dtype and inner shape.
            MUTEX: a mutex.
            OBJECT_ID: int64 vector, an id for each row.
            OBJECT_TO_POS_MAP_IN: map of int64 to int32, the position in the reservoir of each id in it.
            POS_TO_OBJECT_IN: int64 vector, the id of each position.
        Outputs:
            RESERVOIR, NUM_VISITED, OBJECT_TO_POS_MAP, POS_TO_OBJECT: the same blobs; the last two if there are ids.
        Raises:
            OperatorError: the reservoir, its count and its ids do not go together, as where the reservoir has more than
                ``num_to_collect`` rows.
        Example:
            CreateMutex() -> m
            ReservoirSampling([[1]], 1 ():i64, [[2]], m; num_to_collect=3) -> [[1] [2]], 2 ():i64
        """

    def ResetCounter(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        init_count: int | None = 0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Let the counter begin again at ``init_count``.

        Inputs:
            counter: a counter.
        Outputs:
            previous_value: int64 of rank 0, the count before.
        Example:
            CreateCounter(; init_count=2) -> c
            ResetCounter(c; init_count=5) -> 2 ():i64
            RetrieveCount(c) -> 5 ():i64
        """

    def ResetCursor(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Let the cursor begin again at the start.

        Inputs:
            cursor: a cursor.
        Example:
            CreateTreeCursor(; fields=["a"]) -> cur
            ResetCursor(cur)
        """

    def Reshape(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        shape: Sequence[int] | None = None,
        **call: Unpack[CallFields],
    ) -> Any:
        """The same elements in the shape ``shape``, or that of the second input.

        A size of -1, at most one, is inferred; 0 keeps the size at that position (if data has no elements, it means 0).

        Inputs:
            data: any dtype and shape.
            new_shape: int32 or int64 vector, in place of ``shape``.
        Outputs:
            reshaped: data's dtype.
            old_shape: data's shape; int64, or the dtype of new_shape.
        Raises:
            ShapeError: the elements do not fit the shape.
        Example:
            Reshape([[1 2] [3 4]]; shape=[4]) -> [1 2 3 4], [2 2]:i64
        """

    def ResizeLike(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The elements of data in the shape of another tensor.

        Inputs:
            data: any dtype and shape.
            shape_tensor: any dtype, as many elements as data.
        Outputs:
            output: data's dtype, shape_tensor's shape.
        Raises:
            ShapeError: the numbers of elements differ.
        Example:
            ResizeLike([[1 2] [3 4]], [0 0 0 0]) -> [1 2 3 4]
        """

    def ResizeNearest(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        width_scale: float | None = 1.0,
        height_scale: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X made ``height_scale`` times as high and ``width_scale`` times as wide: row i is row floor(i / scale) of X.

        Heights and widths are rounded down, and all is reckoned in float32.

        Inputs:
            X: any dtype, [N, C, H, W].
            scales: float32, those of height and width, in place of the arguments.
        Outputs:
            Y: X's dtype, [N, C, floor(H * height_scale), floor(W * width_scale)].
        Raises:
            OperatorError: a scale is not above 0, or not finite.
            ShapeError: X is not of rank 4, there are not two scales, or Y would be too large.
        Example:
            ResizeNearest([[[[1 2]]]]; width_scale=1.5) -> [[[[1 1 2]]]]
        """

    def RetrieveCount(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The count.

        Inputs:
            counter: a counter.
        Outputs:
            count: int64 of rank 0.
        Example:
            CreateCounter(; init_count=2) -> c
            RetrieveCount(c) -> 2 ():i64
        """

    def ReversePackedSegs(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """For each column, its first so many steps in reverse, and the others as they are.

        Inputs:
            data: any dtype, rank 3: steps, columns, and what belongs to them.
            lengths: int32 or int64 vector, one a column, at most the number of steps.
        Outputs:
            reversed data: data's dtype and shape.
        Raises:
            OperatorError: a length is negative, or more than there are steps.
            ShapeError: there is not one length a column.
        Example:
            ReversePackedSegs([[[1] [2]] [[3] [4]]], [2 1]:i32) -> [[[3] [2]] [[1] [4]]]
        """

    def RmsProp(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        decay: float | None = 0.9,
        momentum: float | None = 0.0,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """The step of RMSProp: the gradient by the root of its mean square, with momentum.

        After Tieleman and Hinton, 2012.

        ms' = ms + (1 - ``decay``) (grad^2 - ms); mom' = ``momentum`` mom + lr grad / sqrt(ms' + ``epsilon``), the step.

        Inputs:
            grad, mean_squares, moment: float32, one shape.
            lr: float32, one element, positive to descend.
        Outputs:
            output_grad: the step, which is to be subtracted from the parameter.
            output_mean_squares, output_moment: ms' and mom'.
        Example:
            RmsProp([1], [1], [0], [0.1]; epsilon=0.0) -> [0.1], [1], [0.1]
        """

    def RowMul(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Each row times its weight.

        Inputs:
            mat: float32, rank 1 or more.
            w: float32 vector, one element a row.
        Outputs:
            output: float32, mat's shape.
        Example:
            RowMul([[1 2] [3 4]], [10 1]) -> [[10 20] [3 4]]
        """

    def RowWiseCounter(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        counter_halflife: int | None = -1,
        **call: Unpack[CallFields],
    ) -> Any:
        """How often each row was used, where older uses count less: half after ``counter_halflife`` iterations.

        For each index, with the iterations since its row was used, but at least 1: count' = 1 + count 2^(-elapsed /
        halflife). Nothing is done where the half-life is 0 or less.

        Inputs:
            prev_iter: int64 vector, when each row was used last.
            update_counter: float64 vector, as long.
            indices: int32 or int64.
            iter: int64, one element, the iteration.
        Outputs:
            output_prev_iter, output_update_counter: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            RowWiseCounter([0 3]:i64, [0 1]:f64, [1]:i64, [5]:i64; counter_halflife=2) -> [0 5]:i64, [0 1.5]:f64
        """

    def RowWiseSparseAdagrad(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """`SparseAdagrad` with one moment a row, which grows by the mean of the squared gradient.

        Inputs:
            param: float32, rank 1 or more.
            moment: float32 vector, one number a row.
            indices: int32 or int64.
            grad: float32, a row for each index.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment_1: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            RowWiseSparseAdagrad([[1 1]], [0], [0]:i32, [[2 2]], [1]; epsilon=0.0) -> [[2 2]], [4]
        """

    def RowWiseSparseAdam(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        beta1: float | None = 0.9,
        beta2: float | None = 0.999,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """`SparseAdam` with one second moment a row, that of the mean of the squared gradient.

        Inputs:
            param, moment_1: float32, one shape.
            moment_2: float32 vector, one number a row.
            indices: int32 or int64.
            grad: float32, a row for each index.
            lr: float32, one element, negative to descend.
            iter: int64, one element, from 0 on.
        Outputs:
            output_param, output_moment_1, output_moment_2: the same blobs.
            output_grad: u, a row for each index.
        Raises:
            OperatorError: an index is out of range.
        Example:
            RowWiseSparseAdam([1], [0], [0], [0]:i32, [1], [1], [0]:i64; epsilon=0.0) -> [2], [0.1], [0.001]
        """

    def RowwiseMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum over the last of three axes.

        Inputs:
            X: float32, rank 3.
        Outputs:
            Y: float32, rank 2.
        Example:
            RowwiseMax([[[1 2] [4 3]]]) -> [[2 4]]
        """

    def Rsqrt(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = 1 / the square root of X, element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Rsqrt([4 0.25]) -> [0.5 2]
        """

    def SafeDequeueBlobs(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        num_records: int | None = 1,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """As `DequeueBlobs`, but at the end a status says so.

        With ``num_records`` above 1 it waits for that many records and concatenates each column along its first axis; at
        the end there may be fewer.

        Inputs:
            queue: a blob queue.
        Outputs:
            blobs: as many as the queue has columns; at the end they keep what they hold.
            status: bool of rank 0; true means "nothing read".
        Raises:
            DtypeError, ShapeError: records cannot be concatenated; they all stay in the queue.
            QueueClosedError: the queue was closed because a run failed.
            ReportedError: not enough came for ``timeout_secs`` (0: no limit).
        Example:
            CreateBlobsQueue(; capacity=2) -> q
            Copy([1 2]) -> a
            EnqueueBlobs(q, a) -> a
            CloseBlobsQueue(q)
            SafeDequeueBlobs(q) -> [1 2], F ()
            SafeDequeueBlobs(q) -> b, T ()
        """

    def SafeEnqueueBlobs(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """As `EnqueueBlobs`, but where the queue is closed a status says so.

        Inputs:
            queue: a blob queue.
            blobs: as many as the queue has columns, of any kind, no blob twice.
        Outputs:
            blobs: the same blobs, in the same order; they hold nothing afterwards, or what they held if it was refused.
            status: bool of rank 0; true means "not written".
        Raises:
            QueueClosedError: the queue was closed because a run failed.
            ReportedError: the queue was full for ``timeout_secs`` (0: no limit); the values stay.
        Example:
            CreateBlobsQueue(; capacity=2) -> q
            Copy([1 2]) -> a
            SafeEnqueueBlobs(q, a) -> a, F ()
        """

    def Save(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        db: str | bytes | None = '',
        db_type: str | bytes | None = '',
        absolute_path: bool | int | None = False,
        strip_prefix: str | bytes | None = '',
        blob_name_overrides: Sequence[str | bytes] | None = (),
        chunk_size: int | None = -1,
        checksums: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> None:
        """Write blobs to a new database, which takes the place of an older one when it is complete.

        ``db`` begins in the root folder of the workspace, or with ``absolute_path`` is used as it is; ``db_type`` is minidb
        or lmdb. The blobs keep their names there, without all up to the first ``strip_prefix``, or get those of
        ``blob_name_overrides``. Tensors are cut into pieces of ``chunk_size`` elements (-1: a million, 0: one piece). With
        ``checksums`` the entries hold some, so that `Load` notices damage; Caffe2 reads such files too.

        Inputs:
            X: tensors, byte strings, counters, mutexes, cursors, indices, maps or database readers.
        Raises:
            OperatorError: a blob is empty or of another kind, names are wrong or there twice, or the database cannot be
                written. The old one stays as it was.
        Example:
            Save([1 2], [3]:i32; db="x.db", db_type="minidb", blob_name_overrides=["a","b"])
            Load(; db="x.db", db_type="minidb", source_blob_names=["b"]) -> [3]:i32
        """

    def Scale(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        scale: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input times ``scale``.

        Inputs:
            input: float32 or float64, any shape.
        Outputs:
            output: the input's dtype and shape.
        Example:
            Scale([1 2]; scale=3.0) -> [3 6]
        """

    def Scatter(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """DATA with UPDATES written at INDICES along ``axis``; of a repeated index the last wins.

        Inputs:
            DATA: any dtype.
            INDICES: int32 or int64; DATA's shape but for the size of ``axis``.
            UPDATES: DATA's dtype, the shape of INDICES.
        Outputs:
            OUTPUT: DATA's dtype and shape.
        Raises:
            OperatorError: an index is out of range.
            ShapeError: shapes do not fit, or there is no such axis.
        Example:
            Scatter([[1 2 3]], [[2 0]]:i32, [[7 8]]) -> [[8 2 7]]
        """

    def ScatterAssign(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """DATA with the rows that INDICES name replaced by SLICES; of a repeated index the last wins.

        Inputs:
            DATA: float32, float64, float16, int32 or int64, rank 1 or more.
            INDICES: int32 or int64.
            SLICES: DATA's dtype, as many elements as the rows have.
        Outputs:
            DATA: the same blob.
        Raises:
            OperatorError: an index is out of range.
            ShapeError: SLICES has another number of elements.
        Example:
            ScatterAssign([1 2 3], [1]:i32, [9]) -> [1 9 3]
        """

    def ScatterWeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X_0 with the rows that INDICES name multiplied by Weight_0, and weighted rows added to them.

        A repeated index multiplies again, and adds again.

        Inputs:
            X_0: float32, rank 1 or more.
            Weight_0: float32, one element.
            INDICES: int32 or int64.
            X_1: float32, a row for each index.
            Weight_1: float32, one element.
            more: further pairs of rows and weight.
        Outputs:
            X_0: the same blob.
        Raises:
            OperatorError: an index is out of range.
            ShapeError: rows have another number of elements.
        Example:
            ScatterWeightedSum([1 2], [1], [0]:i32, [10], [0.5]) -> [6 2]
        """

    def SegmentIdsToLengths(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """How many rows every segment has, from 0 to the last that is named, or as many segments as data has rows.

        Inputs:
            segment_ids: int32 or int64, ascending; a vector, or of shape (n, 1).
            data: any dtype, rank 1 or more.
        Outputs:
            lengths: int32 vector.
        Raises:
            OperatorError: the numbers do not ascend, or one is negative or not below the number of segments.
        Example:
            SegmentIdsToLengths([0 0 2]:i32) -> [2 0 1]:i32
        """

    def SegmentIdsToRanges(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Start and length of every segment, from 0 to the last that is named, or of as many segments as data has rows.

        A segment that is not named has length 0, and starts where the next one does; after the last one that is 0.

        Inputs:
            segment_ids: int32 or int64, ascending; a vector, or of shape (n, 1).
            data: any dtype, rank 1 or more.
        Outputs:
            lengths: int32, shape (number of segments, 2): the ranges.
        Raises:
            OperatorError: the numbers do not ascend, or one is negative or not below the number of segments.
        Example:
            SegmentIdsToRanges([0 0 2]:i32) -> [[0 2] [2 0] [2 1]]:i32
        """

    def SegmentOneHot(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A row for each segment of indices, with 1 at those that are in it.

        Inputs:
            lengths: int32 or int64 vector, of the segments.
            indices: int32 or int64 vector.
            index_size_tensor: int32 or int64, one element, how many columns there are.
        Outputs:
            one_hots: float32 matrix.
        Raises:
            OperatorError: an index is out of range.
            ShapeError: the lengths do not add up to the indices.
        Example:
            SegmentOneHot([1 2]:i32, [0 1 2]:i64, [3]:i64) -> [[1 0 0] [0 1 1]]
        """

    def Selu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        alpha: float | None = 1.6732632423543772,
        scale: float | None = 1.0507009873554805,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = ``scale`` times the `Elu` of X with ``alpha``.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Selu([-1 2]) -> [-1.111331 2.101402]
        """

    def SequenceMask(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        mode: str | bytes | None = '',
        axis: int | None = 1,
        radius: int | None = 10,
        fill_val: float | None = ...,
        grad: bool | int | None = False,
        batch: int | None = -1,
        repeat_from_axis: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input as a matrix split at ``axis``, with ``fill_val`` where ``mode`` says.

        These are, at row r and column c:

        - ``sequence``: c >= sequence_lengths[r]
        - ``window``: |c - sequence_lengths[r]| > ``radius``
        - ``upper``: c > r; ``lower``: c < r; ``upperdiag``: c >= r; ``lowerdiag``: c <= r

        Inputs:
            input: float32 or float64, rank above ``axis``.
            sequence_lengths: int32 vector, one a row: lengths, or for ``window`` centres; other modes take none.
        Outputs:
            masked_tensor: the input's dtype and shape.
        Raises:
            ShapeError: there is not one length a row.
        Example:
            SequenceMask([[1 2 3] [4 5 6]], [1 2]:i32; mode="sequence", fill_val=-1.0) -> [[1 -1 -1] [4 5 -1]]
        """

    def Shape(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sizes of X, of all axes or of ``axes`` in that order.

        Inputs:
            X: any dtype and shape.
        Outputs:
            shape: int64 vector.
        Raises:
            ShapeError: X has no such axis; axes do not count from the end.
        Example:
            Shape([[1 2 3]]) -> [1 3]:i64
        """

    def Sigmoid(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = s(X), element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Sigmoid([0]) -> [0.5]
        """

    def SigmoidCrossEntropyWithLogits(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        log_D_trick: bool | int | None = False,
        unjoined_lr_loss: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean over the last axis of -(t ln s(x) + (1 - t) ln(1 - s(x))), for logits x, targets t, s the sigmoid.

        With ``log_D_trick`` it is that of -(2t - 1) ln s(x), with ``unjoined_lr_loss`` that of (1 - t) ln(1 + e^x) - t x.
        Large logits neither overflow nor lose digits.

        Inputs:
            logits: float32, any shape; rank 0 is one element.
            targets: float32, the logits' shape.
        Outputs:
            xentropy: float32, the logits' shape without the last axis; 0 over nothing.
        Raises:
            ArgumentError: both forms are asked for.
        Example:
            SigmoidCrossEntropyWithLogits([[0 100] [0 -100]], [[1 1] [0 1]]) -> [0.3465736 50.346573]
        """

    def Sign(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = -1, 0 or 1, the sign of X, element by element; nan where that is not defined.

        Inputs:
            X: float32, float64, int32 or int64, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Sign([-3 0 2]) -> [-1 0 1]
        """

    def Sin(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = sin X, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Sin([0 1]) -> [0 0.841471]
        """

    def Sinh(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = sinh input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Sinh([0 1]) -> [0 1.175201]
        """

    def SinkCounts(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """How much was written to a sink so far. It may be committed, or closed.

        Inputs:
            sink: a sink.
        Outputs:
            batches: int64 of rank 0, the batches that were written.
            rows: int64 of rank 0, the rows of these.
        Example:
            OpenSink(; token="f") -> sink
            WriteSink(sink, [1 2])
            SinkCounts(sink) -> 1 ():i64, 2 ():i64
        """

    def Size(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The number of elements of X.

        Inputs:
            X: any dtype and shape.
        Outputs:
            size: int64, rank 0.
        Example:
            Size([[1 2]]) -> 2 ():i64
        """

    def Sleep(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        seconds: float,
        **call: Unpack[CallFields],
    ) -> None:
        """Do nothing for so long, by the session's clock.

        Example:
            Sleep(; seconds=0.001)
        """

    def Slice(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        starts: Sequence[int] | None = (),
        ends: Sequence[int] | None = (),
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X from ``starts`` to before ``ends``, axis by axis from the first on; the axes left over stay whole.

        Negative numbers count from **size + 1**: an end of -1 is the end, -2 leaves out the last. Only one axis may be cut.

        Inputs:
            X: any dtype.
            starts, ends: int32 or int64 vectors, in place of the arguments.
        Outputs:
            Y: X's dtype and rank.
        Raises:
            ShapeError: there are more entries than axes, an end lies before its start, or two axes are cut.
        Example:
            Slice([1 2 3]; starts=[1], ends=[-1]) -> [2 3]
        """

    def Snapshot(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        db: str | bytes | None = '',
        db_type: str | bytes | None = '',
        absolute_path: bool | int | None = False,
        every: int | None = 1,
        strip_prefix: str | bytes | None = '',
        blob_name_overrides: Sequence[str | bytes] | None = (),
        chunk_size: int | None = -1,
        checksums: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> None:
        """The old name of `Checkpoint`.

        Inputs:
            iteration: int64, one element.
            blobs: as X of `Save`.
        Raises:
            OperatorError: as `Save` does.
        Example:
            Snapshot([4]:i64, [1 2]; db="ck_%d.db", db_type="minidb", every=2)
            Snapshot([5]:i64, [1 2]; db="ck_%d.db", db_type="minidb", every=2)
            DBExists(; db_name="ck_4.db", db_type="minidb") -> T ()
            DBExists(; db_name="ck_5.db", db_type="minidb") -> F ()
        """

    def Softmax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Rows of positive numbers that add up to 1, in the proportions of e^X.

        The axes before ``axis`` make the rows; everything from it on is one row. So vectors need ``axis=0``.

        Inputs:
            X: float32, rank above ``axis``.
        Outputs:
            Y: float32, X's shape.
        Example:
            Softmax([[0 0]]) -> [[0.5 0.5]]
        """

    def SoftmaxWithLoss(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        axis: int | None = 1,
        scale: float | None = 1.0,
        label_prob: bool | int | None = False,
        average_by_batch_size: bool | int | None = False,
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> Any:
        """The softmax of each row of logits, and the mean over the rows of -ln of what it gives to the row's label.

        The axes before ``axis`` make the rows; everything from it on is one row. The mean is weighted: the sum of the
        weighted losses is divided by that of the weights, or with ``average_by_batch_size`` by the number of rows, and then
        multiplied by ``scale``. With ``label_prob`` labels are distributions t, and the loss of a row is -sum t ln p. The
        logarithms are taken of the logits less the log-sum-exp of their row, not of the rounded probabilities.

        Inputs:
            logits: float32, rank above ``axis``.
            labels: int32 or int64, one a row: the shape of the logits before ``axis``, or a vector, or one of them with an
                axis of size 1 behind. With ``label_prob`` float32 of the logits' shape.
            weight_tensor: float32, one a row, shaped as labels are; 1 each if it is not given.
        Outputs:
            softmax: float32, the logits' shape.
            loss: float32, rank 0; 0 if there are no rows, or the weights add up to 0.
            losses: float32 vector, the weighted loss of each row.
        Raises:
            OperatorError: a label is not the number of an element of its row.
            ShapeError: there is no such axis, or not one label or weight a row.
        Example:
            SoftmaxWithLoss([[0 0] [0 0]], [0 1]:i32; scale=2.0) -> [[0.5 0.5] [0.5 0.5]], 1.3862944 ()
        """

    def Softplus(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = ln(1 + e^X), element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Softplus([0 1]) -> [0.6931472 1.313262]
        """

    def Softsign(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X / (1 + |x|) of each element x.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: float32, the same shape.
        Example:
            Softsign([-1 3]) -> [-0.5 0.75]
        """

    def SortAndShuffle(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        sort_by_field_idx: int | None = 1,
        batch_size: int | None = 1,
        shuffle_size: int | None = 1,
        seed: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """An order of the records for `ReadRandomBatch`: batches of records that are much alike, in random order.

        First the records are sorted by a field, then shuffled within stretches of ``shuffle_size`` batches, then the
        batches change places. What makes no whole batch stays last.

        With a ``seed`` of 0 or more, the first, second, third order that is drawn for a cursor is each time another one,
        and always the same one; the cursor counts them. It stays where it is.

        Inputs:
            cursor: a cursor; it says which fields there are.
            dataset_fields: the dataset, as for `ReadNextBatch`.
        Outputs:
            indices: int64 vector, the number of each record once.
        Raises:
            OperatorError: the field ``sort_by_field_idx`` (-1: leave the order) is not there, is not at the top level, or
                is no int32 vector.
        Example:
            CreateTreeCursor(; fields=["a"]) -> cur
            SortAndShuffle(cur, [30 10 20]:i32; sort_by_field_idx=0, batch_size=2) -> order
        """

    def SortedSegmentMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentMean([1 5 3], [0 0 1]:i32) -> [3 3]
        """

    def SortedSegmentRangeLogMeanExp(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The logarithm of the mean of the exponentials of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentRangeLogMeanExp([1 5 3], [0 0 1]:i32) -> [4.3250027 3]
        """

    def SortedSegmentRangeLogSumExp(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The logarithm of the sum of the exponentials of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentRangeLogSumExp([1 5 3], [0 0 1]:i32) -> [5.0181499 3]
        """

    def SortedSegmentRangeMax(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The maximum of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentRangeMax([1 5 3], [0 0 1]:i32) -> [5 3]
        """

    def SortedSegmentRangeMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentRangeMean([1 5 3], [0 0 1]:i32) -> [3 3]
        """

    def SortedSegmentRangeSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentRangeSum([1 5 3], [0 0 1]:i32) -> [6 3]
        """

    def SortedSegmentSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of each segment of rows, column by column.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many as rows.
        Example:
            SortedSegmentSum([1 5 3], [0 0 1]:i32) -> [6 3]
        """

    def SortedSegmentWeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        grad_on_weights: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of each segment of rows, each row times its weight.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SCALARS: vector of DATA's dtype, a weight for each row.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many of them, or of weights, as rows.
        Example:
            SortedSegmentWeightedSum([1 2 3], [1 0.5 2], [0 0 1]:i32) -> [2 6]
        """

    def SourceCounts(
        self,
        inputs: Inputs,
        outputs: Outputs,
        **call: Unpack[CallFields],
    ) -> Any:
        """How much of a source was read so far. It may be closed.

        Inputs:
            source: a source.
        Outputs:
            batches: int64 of rank 0, the batches that were read.
            rows: int64 of rank 0, the rows of these.
            skipped: int64 of rank 0, the records that the source says it left out.
        Raises:
            OperatorError: what the source says is no number.
        Example:
            OpenSource(; token="f") -> source
            SourceCounts(source) -> 0 ():i64, 0 ():i64, 0 ():i64
        """

    def SparseAdadelta(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        decay: float | None = 0.95,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Adadelta` of the rows that the indices name.

        Inputs:
            param, moment, moment_delta: float32, one shape.
            indices: int32 or int64.
            grad: float32, a row for each index.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment, output_moment_delta: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseAdadelta([1], [1], [1], [0]:i32, [1], [0.5]; epsilon=0.0) -> [1.5], [1], [1]
        """

    def SparseAdagrad(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Adagrad` of the rows that the indices name.

        Inputs:
            param, moment: float32, one shape.
            indices: int32 or int64.
            grad: float32, a row for each index.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment_1: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseAdagrad([[1] [2]], [[0] [0]], [1]:i32, [[2]], [1]; epsilon=0.0) -> [[1] [3]], [[0] [4]]
        """

    def SparseAdam(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        beta1: float | None = 0.9,
        beta2: float | None = 0.999,
        epsilon: float | None = 1e-05,
        enableRAdam: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Adam` of the rows that the indices name; with ``enableRAdam`` its rectified form.

        With r_max = 2 / (1 - beta2) - 1 and r = r_max - 2 t beta2^t / (1 - beta2^t) that is, for r < 5,
        u = m' / (1 - beta1^t), and else u = R m' / (1 - beta1^t) / (sqrt(v' / (1 - beta2^t)) + ``epsilon``), where
        R^2 = (r - 4)(r - 2) r_max / ((r_max - 4)(r_max - 2) r). After Liu and others, 2019.

        Inputs:
            param, moment_1, moment_2: float32, one shape.
            indices: int32 or int64.
            grad: float32, a row for each index.
            lr: float32, one element, negative to descend.
            iter: int64, one element, from 0 on.
        Outputs:
            output_param, output_moment_1, output_moment_2: the same blobs.
            output_grad: u, a row for each index.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseAdam([1], [0], [0], [0]:i32, [1], [1], [0]:i64; epsilon=0.0) -> [2], [0.1], [0.001]
        """

    def SparseDropoutWithReplacement(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        ratio: float | None = 0.0,
        replacement_value: int | None = 0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Ids of which each is dropped with probability ``ratio``; a segment left empty gets ``replacement_value`` alone.

        A segment that was empty before gets it with that probability: a ratio of 0 changes nothing, and of 1 everything.

        Inputs:
            X: int64 vector.
            Lengths: int32 or int64 vector, of its segments.
        Outputs:
            Y: int64 vector.
            OutputLengths: int32 vector.
        Raises:
            OperatorError: a length is negative.
            ShapeError: the lengths do not add up to the ids.
        Example:
            SparseDropoutWithReplacement([1 2 3]:i64, [2 1]:i32; ratio=1.0, replacement_value=9) -> [9 9]:i64, [1 1]:i32
        """

    def SparseFtrl(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        alpha: float | None = 0.005,
        beta: float | None = 1.0,
        lambda1: float | None = 0.001,
        lambda2: float | None = 0.001,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Ftrl` of the rows that the indices name.

        Inputs:
            var: float32, rank 1 or more.
            n_z: float32, var's shape and a last axis of 2.
            indices: int32 or int64.
            grad: float32, a row for each index.
            alpha: float32, one element, in place of the argument.
        Outputs:
            output_var, output_n_z: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseFtrl([0], [[0 0]], [0]:i32, [2]; alpha=1.0, beta=0.0, lambda1=1.0, lambda2=0.0) -> [-0.5], [[4 2]]
        """

    def SparseLengthsMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of the rows of DATA that each segment of INDICES names; 0 of an empty segment.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            INDICES: int32 or int64 vector, rows of DATA.
            LENGTHS: int32 or int64 vector that adds up to the number of indices.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each length.
        Raises:
            OperatorError: an index is negative or too large, or a length is negative.
            ShapeError: the lengths do not add up to the number of indices.
        Example:
            SparseLengthsMean([1 2 4], [0 2 1]:i32, [2 1 0]:i32) -> [2.5 2 0]
        """

    def SparseLengthsPositionalWeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the rows of DATA that each segment of INDICES names, the k-th of each segment times weight k.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            WEIGHT: vector of the output's dtype, at least as long as the longest segment.
            INDICES: int32 or int64 vector, rows of DATA.
            LENGTHS: int32 or int64 vector that adds up to the number of indices.
        Outputs:
            output: DATA's dtype, float32 for float16; a row for each length, 0 for an empty segment.
        Raises:
            OperatorError: an index is negative or too large, or a length is negative.
            ShapeError: the lengths do not fit the indices, or there are fewer weights than indices in a segment.
        Example:
            SparseLengthsPositionalWeightedSum([1 2 4], [1 10], [0 2 1]:i32, [2 1]:i32) -> [41 2]
        """

    def SparseLengthsSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the rows of DATA that each segment of INDICES names; 0 of an empty segment.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            INDICES: int32 or int64 vector, rows of DATA.
            LENGTHS: int32 or int64 vector that adds up to the number of indices.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each length.
        Raises:
            OperatorError: an index is negative or too large, or a length is negative.
            ShapeError: the lengths do not add up to the number of indices.
        Example:
            SparseLengthsSum([1 2 4], [0 2 1]:i32, [2 1 0]:i32) -> [5 2 0]
        """

    def SparseLengthsWeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        grad_on_weights: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the rows of DATA that each segment of INDICES names, each times the weight of its index.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            SCALARS: vector of OUTPUT's dtype, a weight for each index.
            INDICES: int32 or int64 vector, rows of DATA.
            LENGTHS: int32 or int64 vector that adds up to the number of indices.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each length, 0 for an empty segment.
        Raises:
            OperatorError: an index is negative or too large, or a length is negative.
            ShapeError: weights or lengths do not fit the indices.
        Example:
            SparseLengthsWeightedSum([1 2 4], [1 0.5 3], [0 2 1]:i32, [2 1]:i32) -> [3 6]
        """

    def SparseLpRegularizer(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        p: float | None = 2.0,
        reg_lambda: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The rows that the indices name shrunk: times 1 - ``reg_lambda``, or with ``p=1.0`` by it toward 0.

        Inputs:
            param: float32, rank 1 or more.
            indices: int32 or int64.
            grad: float32, a row for each index; only its shape is looked at.
        Outputs:
            output_param: the same blob.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseLpRegularizer([2 4], [1]:i32; reg_lambda=0.5) -> [2 2]
        """

    def SparseMomentumSGDUpdate(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        momentum: float | None = 0.0,
        nesterov: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """`MomentumSGDUpdate` of the rows that the indices name.

        Inputs:
            grad: float32, a row for each index.
            moment, param: float32, one shape.
            lr: float32, one element, positive to descend.
            indices: int32 or int64.
        Outputs:
            output_grad: the steps.
            output_moment, output_param: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseMomentumSGDUpdate([[1]], [[0] [0]], [0.5], [[1] [2]], [1]:i32) -> [[0.5]], [[0] [0.5]], [[1] [1.5]]
        """

    def SparseNormalize(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        use_max_norm: bool | int | None = True,
        norm: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The rows that the indices name scaled to the length ``norm``; with ``use_max_norm`` only those that are longer.

        Rows of zeros stay.

        Inputs:
            param: float32, rank 1 or more.
            indices: int32 or int64.
            grad: float32, a row for each index; only its shape is looked at.
        Outputs:
            output_param: the same blob.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseNormalize([[3 4] [0.3 0.4]], [0 1]:i32) -> [[0.6 0.8] [0.3 0.4]]
        """

    def SparseSortedSegmentMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """`SortedSegmentMean` of the rows of DATA that INDICES name.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            INDICES: int32 or int64 vector, rows of DATA.
            SEGMENT_IDS: int32 or int64 vector, the segment of each index: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each segment.
        Raises:
            OperatorError: an index is negative or too large, or the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many of them as indices.
        Example:
            SparseSortedSegmentMean([1 2 4], [0 2 1]:i32, [0 0 1]:i32) -> [2.5 2]
        """

    def SparseSortedSegmentSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """`SortedSegmentSum` of the rows of DATA that INDICES name.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            INDICES: int32 or int64 vector, rows of DATA.
            SEGMENT_IDS: int32 or int64 vector, the segment of each index: 0 first, and each as the one before or 1 more.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each segment.
        Raises:
            OperatorError: an index is negative or too large, or the numbers of the segments do not ascend, or have gaps.
            ShapeError: there are not as many of them as indices.
        Example:
            SparseSortedSegmentSum([1 2 4], [0 2 1]:i32, [0 0 1]:i32) -> [5 2]
        """

    def SparseStorm(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        momentum: float | None = 10.0,
        beta: float | None = 0.1,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Storm` of the rows that the indices name.

        Inputs:
            param, moment: float32, one shape.
            grad_sq_sum: float32, one element.
            grad: float32, a row for each index.
            indices: int32 or int64.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment, output_grad_sq_sum: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseStorm([1], [0], [7], [1], [0]:i32, [1]; momentum=4.0, beta=0.0) -> [1.5], [1], [8]
        """

    def SparseToDense(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Rows of zeros to which each value is added at its index.

        Inputs:
            indices: int32 or int64 vector.
            values: float32, float64, int32 or int64, one row an index.
            data_to_infer_dim: any tensor; there are as many rows as it has, else as many as the greatest index needs.
        Outputs:
            output: values' dtype and inner shape.
        Raises:
            OperatorError: an index is negative, or beyond the rows; without data_to_infer_dim, above 2^31 - 2.
            ShapeError: there is not one value an index.
        Example:
            SparseToDense([0 2 0]:i32, [1 5 2]) -> [3 0 5]
        """

    def SparseToDenseMask(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        mask: Sequence[int],
        return_presence_mask: bool | int | None = False,
        max_skipped_indices: int | None = 50,
        **call: Unpack[CallFields],
    ) -> Any:
        """For each example and each id of ``mask`` the value that the example has for it, or the default.

        Of an id that comes several times the last value counts; other ids are left out.

        Inputs:
            indices: int32 or int64 vector, ids.
            values: any dtype, one row an id.
            default_value: values' dtype, the shape of a row.
            lengths: int32 or int64 vector, how many ids each example has; without it there is one example, and no axis
                for it.
        Outputs:
            output: values' dtype: examples, ids of the mask, then the inner shape.
            presence_mask: bool: examples, ids of the mask; whether the example had it.
        Raises:
            ShapeError: there is not one value an id, or the lengths do not add up.
        Example:
            SparseToDenseMask([1 5 2]:i64, [10 50 20], -1 (), [2 1]:i32; mask=[5,1]) -> [[50 10] [-1 -1]]
        """

    def SparseUnsortedSegmentMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """`UnsortedSegmentMean` of the rows of DATA that INDICES name.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            INDICES: int32 or int64 vector, rows of DATA.
            SEGMENT_IDS: int32 or int64 vector, the segment of each index.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each segment, up to the last that is named.
        Raises:
            OperatorError: an index is negative or too large, or the number of a segment is negative.
            ShapeError: there are not as many of these as indices.
        Example:
            SparseUnsortedSegmentMean([1 2 4], [0 2 1]:i32, [2 0 2]:i32) -> [4 0 1.5]
        """

    def SparseUnsortedSegmentSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """`UnsortedSegmentSum` of the rows of DATA that INDICES name.

        Inputs:
            DATA: float32, float64 or float16, rank 1 or more.
            INDICES: int32 or int64 vector, rows of DATA.
            SEGMENT_IDS: int32 or int64 vector, the segment of each index.
        Outputs:
            OUTPUT: DATA's dtype, float32 for float16; a row for each segment, up to the last that is named.
        Raises:
            OperatorError: an index is negative or too large, or the number of a segment is negative.
            ShapeError: there are not as many of these as indices.
        Example:
            SparseUnsortedSegmentSum([1 2 4], [0 2 1]:i32, [2 0 2]:i32) -> [4 0 3]
        """

    def SparseWngrad(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """`Wngrad` of the rows that the indices name; b grows by sum(grad^2) / b, without ``epsilon``.

        Inputs:
            param: float32, rank 1 or more.
            seq_b: float32, one element, above 0.
            indices: int32 or int64.
            grad: float32, a row for each index.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_seq_b: the same blobs.
        Raises:
            OperatorError: an index is out of range.
        Example:
            SparseWngrad([1 2], [0.5], [1]:i32, [2], [1]; epsilon=0.0) -> [1 6], [8.5]
        """

    def SpatialBN(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        is_test: bool | int,
        epsilon: float | None = 1e-05,
        momentum: float | None = 0.9,
        order: str | bytes | None = 'NCHW',
        num_batches: int | None = 1,
        **call: Unpack[CallFields],
    ) -> Any:
        """(X - mean) / sqrt(variance + ``epsilon``) * scale + bias, channel by channel.

        In a test, mean and variance are those given. In training they are those of the batch, and the given ones, which
        run along, become old * ``momentum`` + new * (1 - ``momentum``); the new variance is divided by n - 1 for that, by n
        for X. With sums and sumsq the batch is ``num_batches`` ones of X's size, and they are its sums. Ioffe and Szegedy,
        Batch normalization (2015), algorithms 1 and 2.

        Inputs:
            X: float32 or float64, [N, C, ...], in the order NHWC [N, ..., C].
            scale, bias, mean, var: X's dtype, [C].
            sums, sumsq: X's dtype, [C]: sums of elements, and of their squares.
        Outputs:
            Y: X's dtype and shape. A test has no further output, training all.
            mean, var: the same blobs; as they were if X has no elements.
            saved_mean: X's dtype, [C]: that of the batch.
            saved_var: the same: 1 / sqrt(variance + ``epsilon``), **not** the variance.
        Raises:
            ArityError: a test has not one output, or training not five.
            OperatorError: there is one element a channel only, whose variance cannot be divided by n - 1.
            ShapeError: vectors do not have an element a channel.
        Example:
            SpatialBN([[1 2] [3 4]], [1 2], [0 1], [0 0], [1 1]; is_test=true, epsilon=0.0) -> [[1 5] [3 9]]
        """

    def Split(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = None,
        split: Sequence[int] | None = (),
        add_axis: bool | int | None = False,
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> Any:
        """The input in as many pieces along ``axis`` as there are outputs: of the sizes ``split``, or of equal ones.

        With ``add_axis`` every piece is one slice, without that axis. ``axis`` is found as by `Concat` if it is not given.

        Inputs:
            input: any dtype, rank 1 or more.
            split: int32 vector, in place of the argument.
        Outputs:
            outputs: the input's dtype.
        Raises:
            ShapeError: the sizes do not add up, or no equal ones do.
        Example:
            Split([[1 2 3]]; axis=1, split=[1,2]) -> [[1]], [[2 3]]
        """

    def SplitByLengths(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = None,
        order: str | bytes | None = 'NCHW',
        use_scaling_lengths: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The input in as many pieces along ``axis`` as there are outputs, each as long as the sum of a run of lengths.

        The lengths make n runs of one length each, for n outputs. With ``use_scaling_lengths`` they are proportions.

        Inputs:
            input: any dtype, rank 1 or more.
            lengths: int32 vector.
        Outputs:
            outputs: the input's dtype.
        Raises:
            ShapeError: the lengths do not make n runs, or do not add up to the size.
        Example:
            SplitByLengths([1 2 3], [1 1 1 0]:i32; axis=0) -> [1 2], [3]
        """

    def Sqr(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X squared, element by element; nan where that is not defined.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Sqr([2 -3]) -> [4 9]
        """

    def Sqrt(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = the square root of X, element by element; nan where that is not defined.

        Inputs:
            X: float32 or float64, any shape.
        Outputs:
            Y: X's dtype and shape.
        Example:
            Sqrt([4 9]) -> [2 3]
        """

    def SquareRootDivide(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Each row divided by the square root of its scale; unchanged where that is 0 or less.

        Inputs:
            data: float32, rank 1 or more.
            scale: float32, int32 or int64 vector, one entry a row.
        Outputs:
            output: float32, data's shape.
        Example:
            SquareRootDivide([[2 4] [2 4]], [4 0]) -> [[1 2] [2 4]]
        """

    def SquaredL2Distance(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """**Half** the sum of the squares of the differences between each row of X and that of Y.

        Inputs:
            X, Y: float32, of one shape.
        Outputs:
            Z: float32 vector, one element a row.
        Example:
            SquaredL2Distance([[1 2]], [[5 6]]) -> [16]
        """

    def Squeeze(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        dims: Sequence[int],
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Data without the axes ``dims``, which have size 1; repeats in ``dims`` mean nothing.

        Inputs:
            data: any dtype.
        Outputs:
            squeezed: data's dtype.
        Raises:
            ShapeError: there is no such axis, or its size is not 1.
        Example:
            Squeeze([[[1] [2]]]; dims=[0,2]) -> [1 2]
        """

    def StatRegistryCreate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new registry without names.

        Outputs:
            handle: a registry.
        Example:
            StatRegistryCreate() -> r
        """

    def StatRegistryExport(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        reset: bool | int | None = True,
        **call: Unpack[CallFields],
    ) -> Any:
        """All statistics of a registry, in no order that could be relied upon; with ``reset`` they begin again at 0.

        Inputs:
            handle: a registry; without it that of the process.
        Outputs:
            keys: string vector, the names. They stay when the statistics begin again.
            values: int64 vector.
            timestamps: int64 vector, the time of each value in nanoseconds since 1970.
        Example:
            StatRegistryCreate() -> r
            StatRegistryUpdate(["x" "y" "x"]:str, [1 2 3]:i64, r)
            StatRegistryExport(r) -> ["x" "y"]:str, [4 2]:i64, times
            StatRegistryExport(r) -> ["x" "y"]:str, [0 0]:i64, times
        """

    def StatRegistryUpdate(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Add integers to the statistics of these names, to that of a repeated name several times.

        Inputs:
            keys: string, any shape.
            values: int64, as many elements as there are keys.
            handle: a registry; without it that of the process.
        Example:
            StatRegistryCreate() -> r
            StatRegistryUpdate(["x" "y" "x"]:str, [1 2 3]:i64, r)
        """

    def StdDevPut(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        stat_name: str | bytes | None = '',
        magnitude_expand: int | None = 1,
        default_value: float | None = None,
        bound: bool | int | None = False,
        has_bound: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> None:
        """Do as `AveragePut`, and add to ``.../sumoffset`` and ``.../sumsqoffset`` what the variance is computed from.

        They are the sums of d and of d * d, where d is the distance of a value from the first one that this operator got.
        The variance is (sumsqoffset - sumoffset * sumoffset / count) / (count - 1).

        Inputs:
            value: float32, float64, int32 or int64, any shape.
        Raises:
            OperatorError, ShapeError: as in `IncrementPut`.
        Example:
            StdDevPut([10]; stat_name="s")
        """

    def StopGradient(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The input; marks a place that no gradient passes.

        Inputs:
            input: any dtype and shape.
        Outputs:
            output: equal to input.
        Example:
            StopGradient([1 2]) -> [1 2]
        """

    def StoreAdd(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        blob_name: str | bytes | None = b'',
        add_value: int | None = 1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Add to a number that programs share. The stores that there are, those in folders, do not offer that.

        Inputs:
            handler: a store.
        Outputs:
            value: int64 of rank 0.
        Raises:
            OperatorError: always.
        Example:
            FileStoreHandlerCreate(; path=".") -> s
            StoreAdd(s; blob_name="n", add_value=2) -> value
        """

    def StoreGet(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        blob_name: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Get a blob from a store; wait until it is there.

        Inputs:
            handler: a store.
        Outputs:
            data: the blob that is called ``blob_name`` in the store, or else like this output.
        Raises:
            OperatorError: the file cannot be read, or holds no blob.
        Example:
            FileStoreHandlerCreate(; path=".") -> s
            StoreSet(s, [1 2]; blob_name="w")
            StoreGet(s; blob_name="w") -> [1 2]
        """

    def StoreSet(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        blob_name: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> None:
        """Put a blob into a store, in place of an older one of that name.

        Inputs:
            handler: a store.
            data: what can be saved, as a tensor or a byte string; in the store it is called ``blob_name``, or as here.
        Raises:
            OperatorError: the blob holds a handle, or the file cannot be written.
        Example:
            FileStoreHandlerCreate(; path=".") -> s
            StoreSet(s, [1 2]; blob_name="w")
        """

    def StoreWait(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        blob_names: Sequence[str | bytes] | None = (),
        **call: Unpack[CallFields],
    ) -> None:
        """Wait until several blobs are in a store.

        Inputs:
            handler: a store.
            names: string, any shape, in place of ``blob_names``: what the blobs are called in the store.
        Raises:
            OperatorError: both names and ``blob_names`` are given, or neither is.
        Example:
            FileStoreHandlerCreate(; path=".") -> s
            StoreSet(s, [1 2]; blob_name="w")
            StoreWait(s; blob_names=["w"])
        """

    def Storm(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        momentum: float | None = 10.0,
        beta: float | None = 0.1,
        **call: Unpack[CallFields],
    ) -> Any:
        """Momentum that corrects itself.

        After Cutkosky and Orabona, "Momentum-based variance reduction", 2019.

        s' = s + sum(grad^2); r = lr (``beta`` + s')^(-1/3); a = ``momentum`` r^2; m' = grad + (1 - a) (m - grad);
        param' = param + r m'.

        Inputs:
            param, moment, grad: float32, one shape.
            grad_sq_sum: float32, one element.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_moment, output_grad_sq_sum: what they are afterwards.
        Example:
            Storm([1], [0], [7], [1], [1]; momentum=4.0, beta=0.0) -> [1.5], [1], [8]
        """

    def StringEndsWith(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        suffix: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether each string ends with ``suffix``; with nothing each does.

        Inputs:
            strings: string, any shape.
        Outputs:
            bools: bool, the same shape.
        Example:
            StringEndsWith(["abc" "b"]:str; suffix="bc") -> [T F]
        """

    def StringEquals(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        text: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether each string is ``text``.

        Inputs:
            strings: string, any shape.
        Outputs:
            bools: bool, the same shape.
        Example:
            StringEquals(["a" "b"]:str; text="b") -> [F T]
        """

    def StringIndexCreate(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        max_elements: int | None = 2147483647,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """A new index of strings. ``max_elements`` is how many numbers there may be, the 0 for unknown ones included.

        Outputs:
            handle: an index.
        Example:
            StringIndexCreate(; max_elements=4) -> ix
        """

    def StringJoin(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        delimiter: str | bytes | None = b',',
        axis: int | None = 0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """One text for each row, or with ``axis=1`` for each column: its elements, and ``delimiter`` behind each of them.

        Numbers are written in decimal, floats with up to six digits, bools as 1 and 0.

        Inputs:
            input: any dtype, rank 2, or a vector, which counts as one column; at least one element.
        Outputs:
            strings: string vector.
        Raises:
            OperatorError: there are no elements, or the rank is not 1 or 2.
        Example:
            StringJoin([["a" "b"] ["c" "d"]]:str; delimiter="-") -> ["a-b-" "c-d-"]:str
        """

    def StringPrefix(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        length: int | None = 3,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The first ``length`` bytes of each string; shorter ones stay as they are.

        Inputs:
            strings: string, any shape.
        Outputs:
            prefixes: string, the same shape.
        Example:
            StringPrefix(["abcdef" "ab"]:str) -> ["abc" "ab"]:str
        """

    def StringStartsWith(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        prefix: str | bytes | None = b'',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Whether each string begins with ``prefix``; with nothing each does.

        Inputs:
            strings: string, any shape.
        Outputs:
            bools: bool, the same shape.
        Example:
            StringStartsWith(["ab" "b"]:str; prefix="a") -> [T F]
        """

    def StringSuffix(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        length: int | None = 3,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The last ``length`` bytes of each string; shorter ones stay as they are.

        Inputs:
            strings: string, any shape.
        Outputs:
            suffixes: string, the same shape.
        Example:
            StringSuffix(["abcd"]:str; length=2) -> ["cd"]:str
        """

    def StumpFunc(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        threshold: float | None = 0.0,
        low_value: float | None = 0.0,
        high_value: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """``low_value`` where X is at most ``threshold``, ``high_value`` elsewhere.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            StumpFunc([0.5 1 2]; threshold=1.0, low_value=-1.0, high_value=5.0) -> [-1 -1 5]
        """

    def Sub(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = A - B, element by element; integers wrap.

        Inputs:
            A: float32, float64, int32 or int64, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            Sub([7 -7]:i32, [2 2]:i32) -> [5 -9]:i32
        """

    def Sum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of all inputs, element by element; integers wrap, nothing broadcasts.

        Inputs:
            A: float32, float64, int32 or int64, any shape.
            rest: A's dtype and shape.
        Outputs:
            C: A's dtype and shape.
        Raises:
            DtypeError: A has another dtype, or one of the rest has not A's.
            ShapeError: shapes differ.
        Example:
            Sum([1 2], [3 4], [5 6]) -> [9 12]
        """

    def SumElements(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        average: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of all elements, or with ``average`` their mean.

        Inputs:
            X: float32 or float64, any shape.
        Outputs:
            sum: X's dtype, rank 0; 0 over nothing.
        Example:
            SumElements([1 2 3]) -> 6 ()
        """

    def SumElementsInt(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of all elements, which wraps.

        Inputs:
            X: int32, any shape.
        Outputs:
            sum: int32, rank 0.
        Example:
            SumElementsInt([1 2 3]:i32) -> 6 ():i32
        """

    def SumReduceLike(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        broadcast: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of A down to the shape of B, which is the inverse of broadcasting.

        Inputs:
            A: float32 or float64.
            B: A's dtype; a run of A's axes that begins at ``axis`` (-1: ends at the last), where sizes of 1 are summed.
        Outputs:
            C: A's dtype, B's shape.
        Raises:
            ShapeError: B is no such run.
        Example:
            SumReduceLike([[1 2] [3 4]], [0 0]) -> [4 6]
        """

    def SumSqrElements(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        average: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the squares of all elements, or with ``average`` their mean.

        Inputs:
            X: float32 or float64, any shape.
        Outputs:
            sum: X's dtype, rank 0; 0 over nothing.
        Example:
            SumSqrElements([1 2 3]) -> 14 ()
        """

    def Summarize(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        to_file: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """Minimum, maximum, mean and standard deviation (divided by n - 1; 0 of one element).

        Without an output they go to the log of the run; with ``to_file`` a line is put behind those of the file
        ``<blob>.summary`` in the root folder of the workspace.

        Inputs:
            data: float32, any shape, at least one element.
        Outputs:
            output: float32 vector of these four.
        Raises:
            OperatorError: there are no elements, or the file cannot be written.
        Example:
            Summarize([1 2 3 4]) -> [1 4 2.5 1.2909944]
        """

    def Swish(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X s(X), element by element.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            Swish([0 1]) -> [0 0.7310586]
        """

    def Tan(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = tan input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Tan([0 1]) -> [0 1.557408]
        """

    def Tanh(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """output = tanh input, element by element; nan where that is not defined.

        Inputs:
            input: float32, any shape.
        Outputs:
            output: input's dtype and shape.
        Example:
            Tanh([0 1]) -> [0 0.7615942]
        """

    def TensorProtosDBInput(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        batch_size: int | None = 0,
        no_prefetch: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> Any:
        """The tensors of the next entries of a database: each entry holds one for each output.

        After the last entry comes the first again, within a batch too. A reader over a queue waits for records, and ends
        with the queue, the last time maybe with fewer.

        Inputs:
            data: a database reader; the value of each entry is a TensorProtos message.
        Outputs:
            output: without ``batch_size`` the tensors of one entry as they are; else those of so many entries, stacked
                along a new first axis.
        Raises:
            DtypeError, ShapeError: entries of one batch differ in the type or shape of a tensor.
            OperatorError: the database has no entries, or cannot be read, or an entry holds something else.
            QueueClosedError: the queue is closed and nothing is left.
            ReportedError: an entry holds another number of tensors, or no record came in time.
        Example:
            CreateDB(; db="images.db", db_type="minidb") -> r
            TensorProtosDBInput(r; batch_size=2) -> [[0 0.5] [1 1.5]], [0 1]:i32
        """

    def TensorVectorSize(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """How many tensors there are.

        Inputs:
            tensor vector: a tensor vector.
        Outputs:
            size: int32 of rank 0.
        Example:
            CreateTensorVector() -> tv
            CollectTensor(tv, [[2 2]]; num_to_collect=5) -> tv
            TensorVectorSize(tv) -> 1 ():i32
        """

    def TextFileReaderRead(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        batch_size: int | None = 1,
        **call: Unpack[CallFields],
    ) -> Any:
        """The next rows of a text file, a vector for each field. Rows of two passes may come together.

        An empty line is a row of one empty field. The last row may lack its newline. Rows that come before a bad one are
        given out first.

        Inputs:
            handler: a text reader.
        Outputs:
            fields: one for each field of a row, of its type, ``batch_size`` elements; fewer at the end, then none.
        Raises:
            OperatorError: a row has another number of fields, a field is no number, or the file cannot be read.
        Example:
            CreateTextFileReader(; filename="t.txt", field_types=[4,1]) -> r
            TextFileReaderRead(r; batch_size=2) -> ["a" "b"]:str, [1.5 2]
        """

    def ThresholdedRelu(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        alpha: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Y = X where that is above ``alpha``, 0 elsewhere.

        Inputs:
            X: float32, any shape.
        Outputs:
            Y: float32, X's shape.
        Example:
            ThresholdedRelu([0.5 1 2]) -> [0 0 2]
        """

    def ThrowChildThreadException(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Fail, where Caffe2 raises in a thread of its own, which ends the process.

        Raises:
            OperatorError: always.
        Example:
            ThrowChildThreadException()
        """

    def ThrowException(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        message: str | bytes | None = 'this operator always fails',
        **call: Unpack[CallFields],
    ) -> None:
        """Fail with a message.

        Raises:
            OperatorError: always, with ``message``.
        Example:
            ThrowException(; message="no more")
        """

    def Tile(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        tiles: int | None = None,
        axis: int | None = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X ``tiles`` times, one behind the other along ``axis``.

        Inputs:
            X: float32, float64, int32, int64, uint8 or string, rank 1 or more.
            tiles, axis: one int32 or int64 element each, in place of the arguments.
        Outputs:
            Y: X's dtype.
        Example:
            Tile([[1 2]]; tiles=2, axis=1) -> [[1 2 1 2]]
        """

    def TimerBegin(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        counter_name: str | bytes | None = '',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Start the timer of this operator.

        Outputs:
            timer: that timer. Its statistics are called ``counter_name``, or like this output.
        Raises:
            OperatorError: it runs already.
        Example:
            TimerBegin(; counter_name="t") -> tm
        """

    def TimerEnd(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Stop a timer, and add the time since it began to the statistics ``<name>/time_ns/sum``, and 1 to ``.../count``.

        Inputs:
            timer: a timer.
        Raises:
            OperatorError: it does not run.
        Example:
            TimerBegin() -> tm
            TimerEnd(tm)
        """

    def TimerGet(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The time since a timer began, which goes on.

        Inputs:
            timer: a timer.
        Outputs:
            nanos: int64 of rank 0, nanoseconds.
        Raises:
            OperatorError: it does not run.
        Example:
            TimerBegin() -> tm
            TimerGet(tm) -> nanos
        """

    def TimerGetAndEnd(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Stop a timer as `TimerEnd` does, and give the time since it began.

        Inputs:
            timer: a timer.
        Outputs:
            nanos: int64 of shape (1,), nanoseconds.
        Raises:
            OperatorError: it does not run.
        Example:
            TimerBegin() -> tm
            TimerGetAndEnd(tm) -> nanos
        """

    def TopK(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        k: int | None = None,
        axis: int | None = -1,
        **call: Unpack[CallFields],
    ) -> Any:
        """The ``k`` largest along ``axis``, descending, equals by position; and where they are.

        Inputs:
            X: float32, rank 1 or more.
            k: int64, one element, in place of the argument.
        Outputs:
            Values: float32; 0 where there are fewer than k.
            Indices: int64, along the axis; -1 where there are fewer than k.
            Flattened_indices: int64 vector, the positions in the whole of X.
        Example:
            TopK([1 3 2]; k=2) -> [3 2], [1 2]:i64
        """

    def Transpose(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        axes: Sequence[int] | None = (),
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """X with its axes in the order ``axes``, by default reversed.

        Inputs:
            X: float32, float64, int32 or int64, any shape.
        Outputs:
            Y: X's dtype.
        Raises:
            ShapeError: ``axes`` has not as many entries as X has axes.
        Example:
            Transpose([[1 3] [2 4]]) -> [[1 2] [3 4]]
        """

    def TrimDataset(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        fields: Sequence[str | bytes] | None = (),
        multiple_of: int | None = 1,
        **call: Unpack[CallFields],
    ) -> Any:
        """A dataset without its last records, so that their number is a multiple of ``multiple_of``.

        Inputs:
            fields: a tensor for each of the argument ``fields``.
        Outputs:
            fields: the same blobs; of nested fields the entries of the records that are left.
        Raises:
            OperatorError: lengths are negative, or ask for more entries than there are.
        Example:
            TrimDataset([2 0 1]:i32, [5 6 7]; fields=["b:lengths", "b:values"], multiple_of=2) -> [2 0]:i32, [5 6]
        """

    def UnPackRecords(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        fields: Sequence[str | bytes] | None = (),
        **call: Unpack[CallFields],
    ) -> Any:
        """The dataset that packed records make, one behind the other: the inverse of `PackRecords`.

        Inputs:
            packed_tensor: packed records, any shape.
            prototypes: a tensor for each of the argument ``fields``. Where there are no records, the fields get their
                types and inner shapes; else they do not matter.
        Outputs:
            fields: a tensor for each of the argument ``fields``.
        Raises:
            DtypeError, ShapeError: the records differ in the type or inner shape of a field.
            OperatorError: an element is no packed record of as many fields, or there are neither records nor prototypes.
        Example:
            PackRecords([1 2], [2 1]:i32, [5 6 7]; fields=["a", "b:lengths", "b:values"]) -> packed
            UnPackRecords(packed; fields=["a", "b:lengths", "b:values"]) -> [1 2], [2 1]:i32, [5 6 7]
        """

    def UniformFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        min: float | None = None,
        max: float | None = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Uniform numbers of [min, max), by default [0, 1).

        Inputs:
            shape: gives the shape, any dtype.
            min, max: one float32 element each, in place of the arguments; if min is above max, the first size becomes 0.
        Outputs:
            output: float32.
        Raises:
            ArgumentError: argument ``min`` is not less than ``max``, or there are both inputs and arguments.
        Example:
            UniformFill([3 2]:i64, [2], [2]; input_as_shape=1) -> [[2 2] [2 2] [2 2]]
        """

    def UniformIntFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        min: int | None = None,
        max: int | None = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Uniform integers from min to max, **both included**, by default 0 and 1.

        Inputs:
            shape: gives the shape, any dtype.
            min, max: one int32 element each, in place of the arguments; if min is above max, the first size becomes 0.
        Outputs:
            output: int32.
        Raises:
            ArgumentError: argument ``min`` is not less than ``max``, or there are both inputs and arguments.
        Example:
            UniformIntFill([3]:i64, [4]:i32, [4]:i32; input_as_shape=1) -> [4 4 4]:i32
        """

    def Unique(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> Any:
        """The distinct values, ascending, and where among them each element went.

        Inputs:
            indices: int32 or int64 vector.
        Outputs:
            unique_indices: that dtype.
            remapping: int32 vector, as long as indices.
        Example:
            Unique([3 1 3]:i32) -> [1 3]:i32, [1 0 1]:i32
        """

    def UniqueUniformFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        min: int,
        max: int,
        dtype: int | None = 2,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Distinct integers from min to max, both included, none of them in ``avoid``.

        Inputs:
            input: gives the shape, any dtype.
            avoid: vector of the output's dtype.
        Outputs:
            output: int32, or int64 if ``dtype`` says so.
        Raises:
            OperatorError: there are more elements than integers to choose from.
        Example:
            UniqueUniformFill(; shape=[3], min=1, max=3) -> x
            Unique(x) -> [1 2 3]:i32
        """

    def UnpackSegments(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        max_length: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The segments that `PackSegments` packed, one behind the other. Lengths above ``max_length`` count as that.

        Inputs:
            lengths: int32 or int64 vector, one for each row of tensor.
            tensor: any dtype, shape (number of segments, length of rows, ...).
        Outputs:
            packed_tensor: tensor's dtype, of one rank less: the unpacked segments.
        Raises:
            OperatorError: a length is negative.
            ShapeError: there are not as many lengths as rows, rows are not ``max_length`` long, or a segment is longer
                than its row.
        Example:
            UnpackSegments([1 2]:i32, [[1 0] [2 3]]) -> [1 2 3]
        """

    def UnsortedSegmentMean(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_segments: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean of the rows of each segment; 0 of one that is not named.

        There are ``num_segments``; if that is -1, as many as the greatest number says.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the number of a segment is negative, or not below ``num_segments``.
            ShapeError: there are not as many as rows.
        Example:
            UnsortedSegmentMean([1 2 3], [2 0 2]:i32) -> [2 0 2]
        """

    def UnsortedSegmentSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_segments: int | None = -1,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the rows of each segment; 0 of one that is not named.

        There are ``num_segments``; if that is -1, as many as the greatest number says.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the number of a segment is negative, or not below ``num_segments``.
            ShapeError: there are not as many as rows.
        Example:
            UnsortedSegmentSum([1 2 3], [2 0 2]:i32) -> [2 0 4]
        """

    def UnsortedSegmentWeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        num_segments: int | None = -1,
        grad_on_weights: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the rows of each segment, each row times its weight; 0 of a segment that is not named.

        There are ``num_segments``; if that is -1, as many as the greatest number says.

        Inputs:
            DATA: float32 or float64, rank 1 or more.
            SCALARS: vector of DATA's dtype, a weight for each row.
            SEGMENT_IDS: int32 or int64 vector, the segment of each row.
        Outputs:
            OUTPUT: DATA's dtype, a row for each segment.
        Raises:
            OperatorError: the number of a segment is negative, or not below ``num_segments``.
            ShapeError: there are not as many of them, or of weights, as rows.
        Example:
            UnsortedSegmentWeightedSum([1 2 3], [1 0.5 2], [1 0 1]:i32) -> [1 7]
        """

    def WallClockTime(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The time.

        Outputs:
            time: int64 of rank 0, nanoseconds since 1970.
        Example:
            WallClockTime() -> now
        """

    def WeightScale(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        stepsize: int | None = 9223372036854775807,
        upper_bound_iter: int | None = 9223372036854775807,
        scale: float | None = 1.0,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The weights times ``scale`` at every ``stepsize``-th iteration before ``upper_bound_iter``; else as they are.

        Inputs:
            w: float32, any shape.
            iter: int64, one element, the iteration; the first one is 0.
        Outputs:
            nw: float32, w's shape.
        Example:
            WeightScale([1 2], [3]:i64; stepsize=2, upper_bound_iter=10, scale=0.5) -> [0.5 1]
        """

    def WeightedSampleDequeueBlobs(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        weights: Sequence[float] | None = (),
        table_idx_blob: int | None = -1,
        until_all_end: bool | int | None = False,
        timeout_secs: float | None = 0.0,
        **call: Unpack[CallFields],
    ) -> Any:
        """Draw a queue by weight and take its oldest record; wait for it while it is empty, even if others are not.

        With ``until_all_end`` a queue that has come to its end is left out and another is drawn, until all have; without it
        the first end that is met is the end.

        Inputs:
            queues: blob queues, all of as many columns.
        Outputs:
            blobs: the record; at the end they keep what they hold. With ``table_idx_blob`` that output is overwritten by
                the number of the queue, int32 of shape (1,).
            status: bool of rank 0; true means "nothing read".
        Raises:
            ArgumentError: not one weight a queue (all 1 if not given), or no such output.
            QueueClosedError: the queue drawn was closed because a run failed.
            ReportedError: nothing came for ``timeout_secs`` (0: no limit).
        Example:
            CreateBlobsQueue() -> p
            CreateBlobsQueue(; capacity=2) -> q
            Copy([1 2]) -> a
            EnqueueBlobs(q, a) -> a
            WeightedSampleDequeueBlobs(p, q; weights=[0.0, 1.0]) -> [1 2], F ()
        """

    def WeightedSigmoidCrossEntropyWithLogits(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The mean over the last axis of -w (t ln s(x) + (1 - t) ln(1 - s(x))), for logits x, targets t, s the sigmoid.

        It is divided by the number of elements, not by the sum of the weights w.

        Inputs:
            logits: float32, any shape; rank 0 is one element.
            targets, weights: float32, the logits' shape.
        Outputs:
            xentropy: float32, the logits' shape without the last axis; 0 over nothing.
        Example:
            WeightedSigmoidCrossEntropyWithLogits([[0 0]], [[1 0]], [[2 4]]) -> [2.0794415]
        """

    def WeightedSum(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """The sum of the tensors, each times its weight.

        Inputs:
            X_0: float32, at least one element.
            weight_0: float32, one element.
            more: further pairs, of as many elements.
        Outputs:
            output: float32, X_0's shape.
        Raises:
            ShapeError: numbers of elements differ.
        Example:
            WeightedSum([1 2], [2], [3 4], [0.5]) -> [3.5 6]
        """

    def Where(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast_on_rows: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Elements of X where C is true, of Y elsewhere.

        Inputs:
            C: bool; X's shape, or with ``broadcast_on_rows`` a vector with one entry a row of X.
            X: float32, float64, int32, int64, bool or string, any shape.
            Y: X's dtype and shape.
        Outputs:
            Z: X's dtype and shape.
        Raises:
            DtypeError: C is not bool, or X and Y differ in dtype.
            ShapeError: shapes do not agree.
        Example:
            Where([T F], [1 2], [3 4]) -> [1 4]
        """

    def While(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        loop_net: Net | NetDef,
        cond_net: Net | NetDef | None = None,
        **call: Unpack[CallFields],
    ) -> Any:
        """Run a net again and again while the condition holds, in the same workspace.

        Each time ``cond_net`` runs first, if there is one; then the condition is read, and ``loop_net`` runs if it is true.

        Inputs:
            condition: bool, one element, any rank; one of the nets writes it.
            blobs: what the nets read.
        Outputs:
            blobs: what the nets write.
        Raises:
            DtypeError, ShapeError: the condition is no bool, or not one.
        Example:
            While(c; loop_net={...}, cond_net={c = n > 0}) -> n
        """

    def Wngrad(
        self,
        inputs: Inputs,
        outputs: Outputs,
        *,
        epsilon: float | None = 1e-05,
        **call: Unpack[CallFields],
    ) -> Any:
        """One rate that falls as gradients come: lr / (b + ``epsilon``).

        After Wu, Ward and Bottou, "WNGrad", 2018.

        param' = param + lr / (b + epsilon) grad; b' = b + sum(grad^2) / (b + epsilon).

        Inputs:
            param, grad: float32, one shape.
            seq_b: float32, one element, above 0.
            lr: float32, one element, negative to descend.
        Outputs:
            output_param, output_seq_b: what they are afterwards.
            output_effective_lr: float32 vector of one element, lr / (b + epsilon).
            output_update: that times grad.
        Example:
            Wngrad([1 2], [0.5], [1 -1], [1]; epsilon=0.0) -> [3 0], [4.5]
        """

    def WriteSink(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        *,
        row_columns: Sequence[int] | None = (),
        **call: Unpack[CallFields],
    ) -> None:
        """Give a batch to a sink, which nobody else uses meanwhile. A batch without rows is passed over.

        The sink gets arrays that cannot be written into. ``row_columns`` are the numbers of the columns with a row for each
        record, which have equal sizes; all if not given.

        Inputs:
            sink: a sink.
            columns: tensors, with a row for each record; or all of rank 0, which make one row.
        Raises:
            OperatorError: a column is no tensor, or the sink is committed or closed.
            ShapeError: they differ in their number of rows.
            Exception: whatever the sink raises, as it is.
        Example:
            OpenSink(; token="f") -> sink
            WriteSink(sink, [1 2])
        """

    def XavierFill(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        shape: Sequence[int] | None = (),
        extra_shape: Sequence[int] | None = (),
        input_as_shape: bool | int | None = False,
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """Uniform numbers within ±sqrt(3 / fan_in), where fan_in is the number of elements over the first size.

        Inputs:
            input: gives the shape, any dtype.
        Outputs:
            output: float32.
        Raises:
            ShapeError: there is no first axis, or its size is 0.
        Example:
            XavierFill(; shape=[4,3]) -> w
            Shape(w) -> [4 3]:i64
        """

    def Xor(
        self,
        inputs: Inputs,
        outputs: Outputs = None,
        *,
        broadcast: bool | int | None = False,
        axis: int | None = -1,
        axis_str: str | bytes | None = '',
        order: str | bytes | None = 'NCHW',
        **call: Unpack[CallFields],
    ) -> BlobReference:
        """C = whether just one of A and B is true, element by element.

        Inputs:
            A: bool, any shape.
            B: A's dtype. Its shape broadcasts with A's as in NumPy; with ``broadcast`` it is a run of A's axes that begins at
                ``axis`` (-1: that ends at the last; or at the place of the letter ``axis_str`` in ``order``), or one element.
        Outputs:
            C: A's dtype; the broadcast shape, with ``broadcast`` A's shape.
        Raises:
            DtypeError: A has another dtype, or B has not A's.
            ShapeError: the shapes do not fit; the message shows both.
        Example:
            Xor([T F], [T T]) -> [F T]
        """

    def ZeroGradient(
        self,
        inputs: Inputs,
        outputs: Sequence[Blob],
        **call: Unpack[CallFields],
    ) -> None:
        """Nothing; marks a blob whose gradient is zero.

        Inputs:
            input: any dtype and shape.
        Example:
            ZeroGradient([1])
        """
