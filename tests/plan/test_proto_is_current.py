"""The generated modules are those of the .proto files that lie beside them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from taskplan.plan import taskplan_pb2

_PLAN = Path(taskplan_pb2.__file__).parent
_SOURCES = _PLAN.parent.parent


@pytest.mark.parametrize("name", ["taskplan", "program"])
@pytest.mark.skipif(importlib.util.find_spec("grpc_tools") is None, reason="grpcio-tools is not installed")
def test_generated_modules_are_what_the_compiler_makes_of_the_proto_file(tmp_path, name):
    compiler = [sys.executable, "-m", "grpc_tools.protoc", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]

    subprocess.run([*compiler, "-I", _SOURCES, _PLAN / f"{name}.proto"], check=True, timeout=60)

    for module in (f"{name}_pb2.py", f"{name}_pb2.pyi"):
        made = (tmp_path / "taskplan" / "plan" / module).read_text()
        assert made == (_PLAN / module).read_text(), f"{module} is out of date; run `make proto`"
