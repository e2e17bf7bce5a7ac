"""Operators that users and installed packages declare: refused if they contradict themselves, found, and run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Declare

from taskplan import BuildValueError, Net, TensorSpec, Workspace, WorkspaceError
from taskplan.operators import Takes, like, registry
from taskplan.testing import check_operator


def of_one(x: Any) -> Any:
    return x


def outcome(workspace: Workspace, kind: str) -> Any:
    net = Net("net")
    getattr(net, kind)("x", "y")
    workspace.run(net)
    return workspace.fetch_blob("y")


# --- declarations -----------------------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_refused_and_says_by_whom(declare: Declare) -> None:
    with pytest.raises(BuildValueError, match=r"'Add' .* is already declared by taskplan\.operators\.arithmetic"):
        declare("Add", inputs=("X",), outputs=("Y",))(of_one)


def test_a_function_may_be_declared_anew_as_when_a_notebook_cell_runs_again(declare: Declare) -> None:
    for argument in (1, 2):

        @declare("Again", inputs=("X",), outputs=("Y",))
        def again(x: Any, *, amount: int = argument) -> Any:
            return x + amount

    assert registry.declaration("Again").defaults == {"amount": 2}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"in_place": (("X", "Z"),)}, r"in-place pair \('X', 'Z'\)"),
        ({"must_in_place": (("A", "Y"),)}, r"in-place pair \('A', 'Y'\)"),
        ({"updates": ("X",)}, "updates 'X', which is the input of no in-place pair"),
        ({"effects": (Takes("queue"),)}, r"effect Takes\('queue'\) names no input slot"),
        ({"inputs": ("X", "B")}, "the body takes 1 inputs by position"),
        ({"inputs": ("X?",)}, "the body takes 1 inputs by position"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(
    declare: Declare, declared: dict[str, Any], message: str
) -> None:
    with pytest.raises(BuildValueError, match=f"operator 'Odd'.*{message}"):
        declare("Odd", **{"inputs": ("X",), "outputs": ("Y",), **declared})(of_one)


def test_an_argument_of_a_type_that_plans_cannot_hold_is_refused(declare: Declare) -> None:
    def body(x: Any, *, table: dict[str, int]) -> Any:
        return x, table

    with pytest.raises(BuildValueError, match=r"argument 'table' of .*body has type dict\[str, int\]; a plan holds"):
        declare("Odd", inputs=("X",), outputs=("Y",))(body)


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [(int, 3, 1.5), (float, 1.5, 3), (str, b"a", 3), (Sequence[int], (1, 2), (1.5,)), (int | None, 3, b"a")],
)
def test_arguments_are_checked_by_their_annotations(declare: Declare, annotation: Any, good: Any, bad: Any) -> None:
    def body(x: Any, *, amount: Any) -> Any:
        return x, amount

    body.__annotations__["amount"] = annotation
    declare("Typed", inputs=("X",), outputs=("Y",))(body)
    declared = registry.declaration("Typed")

    assert registry.decode_arguments(declared, {"amount": good})
    with pytest.raises(Exception, match="argument 'amount' must be"):
        registry.decode_arguments(declared, {"amount": bad})


# --- what bodies return -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result", [np.array(2.0, np.float32), np.float32(2)])
def test_arrays_of_rank_0_are_scalars(declare: Declare, result: Any) -> None:
    declare("Two", inputs=("X",), outputs=("Y",))(lambda _: result)
    workspace = Workspace()
    workspace.feed_blob("x", 1.0)

    assert outcome(workspace, "Two") == 2
    assert isinstance(workspace.cell("y").value, np.float32)


@pytest.mark.parametrize("result", [2, 2.5, True, [1, 2]])
def test_numbers_of_python_have_no_element_type(declare: Declare, result: Any) -> None:
    declare("Two", inputs=("X",), outputs=("Y",))(lambda _: result)
    workspace = Workspace()
    workspace.feed_blob("x", 1.0)

    with pytest.raises(WorkspaceError, match=r"Two returned .* which has no element type; return an array"):
        outcome(workspace, "Two")


def test_element_types_that_tensors_do_not_have_are_refused(declare: Declare) -> None:
    declare("Complex", inputs=("X",), outputs=("Y",))(lambda x: np.full(2, 1j) + x)
    workspace = Workspace()
    workspace.feed_blob("x", 1.0)

    with pytest.raises(WorkspaceError, match=r"an output of Complex.* cannot hold complex128"):
        outcome(workspace, "Complex")


def test_a_failure_of_the_body_is_raised_as_itself(declare: Declare) -> None:
    def body(_: Any) -> Any:
        msg = "my own"
        raise LookupError(msg)

    declare("Failing", inputs=("X",), outputs=("Y",))(body)
    workspace = Workspace()
    workspace.feed_blob("x", 1.0)

    with pytest.raises(LookupError, match="my own") as caught:
        outcome(workspace, "Failing")
    assert any("Failing" in note for note in caught.value.__notes__)


# --- bodies of other libraries ----------------------------------------------------------------------------------------


def test_a_body_may_be_a_function_of_pytorch(declare: Declare) -> None:
    torch = pytest.importorskip("torch")
    declare("TorchRelu", inputs=("X",), outputs=("Y",), infer=like(0))(
        lambda x: torch.relu(torch.as_tensor(np.array(x))).numpy()
    )

    assert check_operator("TorchRelu", np.array([[-1, 2]], np.float32)).tolist() == [[0, 2]]
    assert check_operator("TorchRelu", np.float32(-1)) == 0


def test_a_body_may_be_a_compiled_function_of_jax(declare: Declare) -> None:
    jax = pytest.importorskip("jax")
    norm = jax.jit(lambda x: jax.numpy.sqrt((x * x).sum(-1)))
    declare("JaxNorm", inputs=("X",), outputs=("Y",), infer=lambda x: TensorSpec(x.dtype, x.sizes[:-1]))(
        lambda x: np.asarray(norm(x))
    )

    assert check_operator("JaxNorm", np.array([[3, 4], [6, 8]], np.float32)).tolist() == [5, 10]


# --- packages ---------------------------------------------------------------------------------------------------------

MODULE = """
from taskplan.operators import like, operator


@operator("PackagedTwice", inputs=("X",), outputs=("Y",), infer=like(0))
def twice(x):
    '''Y = 2 X.'''
    return x + x
"""


def installed(folder: Path, module: str, content: str) -> None:
    """A package with a module of operators, as an installer leaves it."""
    (folder / f"{module}.py").write_text(content)
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[taskplan.operators]\nall = {module}\n")


def run_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); "
    return subprocess.run(
        [sys.executable, *arguments[:-1], "-c", code + arguments[-1]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_operators_of_installed_packages_are_there(tmp_path: Path) -> None:
    installed(tmp_path, "some_operators", MODULE)
    code = """
import numpy as np, taskplan as tp
assert "some_operators" not in sys.modules
net = tp.Net("n"); net.PackagedTwice("x", "y")
w = tp.Workspace(); w.feed_blob("x", np.float32([2])); w.run(net); print(w.fetch_blob("y"))
"""

    ran = run_python(tmp_path, code)

    assert ran.stdout.strip() == "[4.]", ran.stderr


def test_a_package_that_cannot_be_loaded_is_told_of_and_spares_the_others(tmp_path: Path) -> None:
    installed(tmp_path, "some_operators", MODULE)
    installed(tmp_path, "broken_operators", "import no_such_module")

    ran = run_python(
        tmp_path,
        "-W",
        "always",
        "import taskplan as tp; print(tp.IsOperator('PackagedTwice'), tp.IsOperator('Nothing'))",
    )

    assert ran.stdout.strip() == "True False", ran.stderr
    assert "the operators of package 'broken_operators'" in ran.stderr
    assert "no_such_module" in ran.stderr
