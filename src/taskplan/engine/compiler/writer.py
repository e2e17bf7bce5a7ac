"""Writing the source of a region's function."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from taskplan.engine.cells import Cell
from taskplan.engine.compiler.follow import Typing
from taskplan.engine.compiler.kinds import Array
from taskplan.engine.compiler.source import DONE, Call, Source, needs_place
from taskplan.engine.compiler.tree import (
    Branch,
    Foreign,
    Node,
    Operator,
    Steps,
    While,
    labels_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskplan.operators.exact import Written

_RESERVED = frozenset(
    {
        *("at", "fuel", "token", "Cancelled", "region", "range", "min", "max", "abs", "sqrt", "fmod"),
        *("TRUE", "FALSE", "nan", "inf", "float32", "float64", "int32", "int64", "bool_", "entry"),
    }
)


def python_source(typing: Typing, chains: Mapping[Operator, int] | None = None) -> Source:
    """The function for Python. `chains`: operators with which a chain begins, and how many operators it has."""
    return _Writer(typing, None, chains or {}).write()


def native_source(typing: Typing) -> Source:
    """The function for Numba, of a numeric region."""
    known = typing.at_first
    marked = tuple(
        cell for cell in typing.variables if cell in typing.kinds and known.get(cell) not in typing.kinds[cell]
    )
    assert typing.native
    return _Writer(typing, marked).write()


class _Writer:
    def __init__(
        self, typing: Typing, marked: tuple[Cell, ...] | None, chains: Mapping[Operator, int] | None = None
    ) -> None:
        self._typing = typing
        self._chains = chains or {}
        self._native = marked is not None
        arrays = [cell for cell in typing.variables if isinstance(typing.kind(cell), Array)] if self._native else []
        self._source = Source(marked=marked or (), arrays=tuple(arrays))
        self._lines: list[str] = []
        self._constants: dict[str, str] = {}
        self._indent = 0
        self._names: set[str] = set(_RESERVED)
        self._around: list[Steps] = []

    def write(self) -> Source:
        typing, source = self._typing, self._source
        root = typing.region.root
        for node in typing.region.steps:
            if node is root or node.loops:
                source.counters[node.number] = self._new_name(f"i{node.number}")
        for cell in typing.variables:
            source.variables[cell] = self._new_name(_plain(cell.name))
        for cell in source.arrays:
            kind = typing.kind(cell)
            assert isinstance(kind, Array)
            source.groups[cell] = kind.group
            if kind.group not in source.sizes:
                source.sizes[kind.group] = self._new_name(f"size_{kind.group}")
        self._write_steps(root)
        self._line(self._returning(DONE))
        body, self._lines = self._lines, []
        self._begin(root)
        offset = len(self._lines)
        source.lines = {number + offset: call for number, call in source.lines.items()}
        source.text = "\n".join([*self._lines, *(f"    {line}" for line in body)]) + "\n"
        return source

    def _begin(self, root: Steps) -> None:
        self._line(f"# step {root.step.definition.name!r}, {root.step.definition.site}")
        for value, name in self._constants.items():
            self._line(f"{name} = {value}")
        self._line("")
        self._line("")
        arrays = [self._source.variables[cell] for cell in self._source.arrays]
        parameters = [*self._state(), *arrays, *self._source.sizes.values()]
        self._line(f"def region(at, fuel, {', '.join(parameters)}):")

    def _state(self) -> list[str]:
        """What the function takes and returns beside its place and fuel."""
        source = self._source
        scalars = [source.variables[cell] for cell in source.scalars]
        return [*source.counters.values(), *scalars, *source.marks]

    # --- lines --------------------------------------------------------------------------------------------------------

    def _line(self, text: str, call: Call | None = None) -> None:
        self._lines.append("    " * self._indent + text if text else "")
        if call is not None:
            self._source.lines[len(self._lines)] = call

    @contextmanager
    def _block(self, opening: str, call: Call | None = None) -> Iterator[None]:
        self._line(opening, call)
        self._indent += 1
        begun = len(self._lines)
        yield
        if all(line.lstrip().startswith("#") for line in self._lines[begun:]):
            self._line("pass")
        self._indent -= 1

    def _returning(self, label: int, fuel: str = "fuel") -> str:
        return f"return {label}, {fuel}, {', '.join(self._state())}"

    def _new_name(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._names or keyword.iskeyword(name):
            name, number = f"{wanted}_{number}", number + 1
        self._names.add(name)
        return name

    def _blob(self, cell: Cell) -> str:
        """Where the value of a blob is."""
        variable = self._source.variables.get(cell)
        if variable is not None:
            return variable
        name = self._source.cells.get(cell)
        if name is None:
            name = self._source.cells[cell] = self._new_name(f"cell_{_plain(cell.name)}")
        return f"{name}.value"

    # --- sequences ----------------------------------------------------------------------------------------------------

    def _write_nodes(self, nodes: Sequence[Node], later: Iterable[int] = ()) -> None:
        """Nodes in order. Where the function may be entered further on, what comes before is left out then.

        Args:
            nodes: the nodes.
            later: places after them, in the same block.
        """
        labels = [labels_of(node) for node in nodes]
        labels.append(list(later))
        index = 0
        while index < len(nodes):
            end = index
            while end < len(nodes) and not labels[end]:
                end += 1
            if end > index:
                with self._guarded(any(labels[end:])):
                    self._write_run(nodes[index:end])
                index = end
                continue
            if any(labels[index + 1 :]):
                with self._block(f"if {_either(0, *labels[index])}:"):
                    self._write_node(nodes[index])
            else:
                self._write_node(nodes[index])
            index += 1

    def _write_run(self, nodes: Sequence[Node]) -> None:
        """Nodes that are not entered in the middle; what makes arrays of one group in a row becomes one loop."""
        index = 0
        while index < len(nodes):
            node = nodes[index]
            group = self._typing.group(node) if isinstance(node, Operator) else None
            if group is None:
                chain_length = self._chains.get(node, 0) if isinstance(node, Operator) else 0
                if chain_length:
                    self._write_call("chain", Call(node, self._path(), chain=True))
                else:
                    self._write_node(node)
                index += chain_length or 1
                continue
            chain = [node]
            for later in nodes[index + 1 :]:
                if not isinstance(later, Operator) or self._typing.group(later) != group:
                    break
                chain.append(later)
            self._write_chain([each for each in chain if isinstance(each, Operator)], self._source.sizes[group])
            index += len(chain)

    @contextmanager
    def _guarded(self, needed: bool) -> Iterator[None]:
        if not needed:
            yield
            return
        with self._block("if at == 0:"):
            yield

    def _write_node(self, node: Node) -> None:
        match node:
            case Operator():
                self._write_operator(node)
            case Branch():
                self._write_branch(node)
            case While():
                self._write_while(node)
            case Steps():
                self._write_steps(node)
            case Foreign():
                self._write_call(f"step_{_plain(node.step.definition.name)}", Call(node, self._path()))

    def _path(self) -> tuple[Steps, ...]:
        return tuple(self._around)

    # --- operators ----------------------------------------------------------------------------------------------------

    def _write_operator(self, node: Operator) -> None:
        prepared = node.net.prepared.ops[node.index]
        expression = self._typing.expressions.get(node)
        if expression is None:
            self._write_call(f"call_{_plain(prepared.op.type)}", Call(node, self._path()))
            return
        [target] = node.targets
        written = expression.written
        if written.fails:
            with self._block(f"if {written.fails.format(*map(self._blob, node.sources))}:"):
                self._source.failures.append(Call(node, self._path()))
                self._line(self._returning(-len(self._source.failures)))
        text = self._computed(written, [self._blob(cell) for cell in node.sources])
        self._line(f"{self._blob(target)} = {text}  # {prepared.op.type}")
        self._mark(target)

    def _computed(self, written: Written, operands: list[str]) -> str:
        if not operands:
            return self._constant(written.python)
        if not self._native:
            return written.python.format(*operands)
        return written.as_native(operands)

    def _mark(self, target: Cell) -> None:
        if target in self._source.marked:
            self._line(f"{self._blob(target)}_set = True")

    def _write_chain(self, chain: Sequence[Operator], size: str) -> None:
        """Operators that do something with each element, in one loop over the elements."""
        place = self._new_name("k")
        elements: dict[Cell, str] = {}
        with self._block(f"for {place} in range({size}):"):
            for node in chain:
                expression = self._typing.expressions[node]
                operands = [
                    elements.get(cell) or self._blob(cell) + (f"[{place}]" if cell in self._source.arrays else "")
                    for cell in node.sources
                ]
                [target] = node.targets
                text = self._computed(expression.written, operands)
                if target not in elements:
                    elements[target] = self._new_name(f"{self._blob(target)}_{place}")
                self._line(f"{elements[target]} = {text}  # {node.net.prepared.ops[node.index].op.type}")
            for cell, element in elements.items():
                self._line(f"{self._blob(cell)}[{place}] = {element}")
        for cell in elements:
            self._mark(cell)

    def _constant(self, text: str) -> str:
        if text in ("TRUE", "FALSE"):
            return text
        name = self._constants.get(text)
        if name is None:
            name = self._constants[text] = self._new_name(f"constant_{len(self._constants) + 1}")
        return name

    def _write_call(self, name: str, call: Call) -> None:
        self._line("if token.cancelled:")
        self._line("    raise Cancelled")
        self._line(self._called(name, call), call)

    def _called(self, name: str, call: Call) -> str:
        """A call; of what may wait, with the rounds of the loops around it."""
        name = self._new_name(name)
        self._source.calls[name] = call
        if not needs_place(call):
            return f"{name}()"
        counters = [self._source.counters[node.number] for node in call.steps if node.number in self._source.counters]
        return f"{name}({', '.join(counters)})"

    # --- branches -----------------------------------------------------------------------------------------------------

    def _condition(self, node: Branch | While) -> tuple[str, Call | None]:
        if node in self._typing.conditions:
            return self._blob(node.operator.sources[0]), None
        call = Call(node, self._path())
        return self._called("condition", call), call

    def _write_branch(self, node: Branch) -> None:
        text, call = self._condition(node)
        inside = [[label for each in nodes for label in labels_of(each)] for nodes in (node.then, node.otherwise)]
        entered = any(inside)
        test = f"at == 0 and {text}" if entered else text
        with self._block(f"if {_or(test, inside[0])}:", call):
            self._write_nodes(node.then)
        if node.otherwise:
            with self._block(f"elif {_either(0, *inside[1])}:" if entered else "else:"):
                self._write_nodes(node.otherwise)

    def _write_while(self, node: While) -> None:
        inner = [label for nodes in (node.before, node.body) for each in nodes for label in labels_of(each)]
        after = [label for each in node.body for label in labels_of(each)]
        if inner:
            self._enter(node.label, inner)
            with self._block("while True:"):
                self._leave_if_empty(node.label)
                self._write_nodes(node.before, after)
                text, call = self._condition(node)
                with self._block(f"if {'at == 0 and ' if after else ''}not {text}:", call):
                    self._line("break")
                self._write_nodes(node.body)
                self._line("fuel -= 1")
            return
        self._enter(node.label, ())
        rounds = self._new_name("rounds")
        with self._block(f"for {rounds} in range(max(fuel, 1)):"):
            self._write_nodes(node.before)
            text, call = self._condition(node)
            with self._block(f"if not {text}:", call):
                self._line("break")
            self._write_nodes(node.body)
        with self._block("else:"):
            self._line(self._returning(node.label, "0"))
        self._line(f"fuel -= {rounds} + 1")

    # --- steps --------------------------------------------------------------------------------------------------------

    def _write_steps(self, node: Steps) -> None:
        definition = node.step.definition
        if node is not self._typing.region.root:
            self._line(f"# step {definition.name!r}, {definition.site}")
        self._around.append(node)
        if node.label:
            self._write_long_loop(node)
        elif node.loops or node.limit < 1:
            counter = self._source.counters.get(node.number) or self._new_name("none")
            with self._block(f"for {counter} in range({int(node.limit)}):"):
                self._write_round(node)
        else:
            self._write_parts(node, 0)
        self._around.pop()

    def _enter(self, label: int, inner: Iterable[int], fresh: str = "") -> None:
        """Before a loop: it begins anew unless the function was entered at its head or, further in, at `inner`."""
        root = label == self._typing.region.root.label
        if root:
            with self._block(f"if at == {label}:") if list(inner) else _nothing():
                self._line("at = 0")
            return
        with self._block(f"if at == {label}:"):
            self._line("at = 0")
        if fresh:
            with self._block("elif at == 0:" if list(inner) else "else:"):
                self._line(fresh)

    def _leave_if_empty(self, label: int) -> None:
        with self._block("if at == 0 and fuel <= 0:"):
            self._line(self._returning(label))

    def _write_long_loop(self, node: Steps) -> None:
        counter = self._source.counters[node.number]
        inner = [label for part in node.parts for each in part for label in labels_of(each)]
        endless = node.limit == float("inf")
        self._enter(node.label, inner, f"{counter} = 0")
        if inner:
            with self._block("while True:" if endless else f"while {counter} < {int(node.limit)}:"):
                self._leave_if_empty(node.label)
                self._write_round(node)
                self._line(f"{counter} += 1")
                self._line("fuel -= 1")
            return
        first, last = self._new_name("first"), self._new_name("last")
        self._line(f"{first} = {counter}")
        end = f"{first} + max(fuel, 1)"
        self._line(f"{last} = {end}" if endless else f"{last} = min({int(node.limit)}, {end})")
        with self._block(f"for {counter} in range({first}, {last}):"):
            self._write_round(node)
        with self._block("else:"), _nothing() if endless else self._block(f"if {last} < {int(node.limit)}:"):
            self._line(f"{counter} = {last}")
            self._line(self._returning(node.label, "0"))
        self._line(f"fuel -= {counter} - {first} + 1")

    def _write_round(self, node: Steps) -> None:
        """One round of a loop; it breaks where its blob says stop."""
        labels = [[label for each in part for label in labels_of(each)] for part in node.parts]
        for index, part in enumerate(node.parts):
            later = [label for each in labels[index + 1 :] for label in each]
            self._write_nodes(part, later)
            if node.step.stop is not None:
                text, call = self._stop(node, index)
                with self._block(f"if {'at == 0 and ' if later else ''}{text}:", call):
                    self._line("break")

    def _write_parts(self, node: Steps, index: int) -> None:
        """The parts of a step that runs once; those after a stop stand in a branch."""
        if not node.parts:
            return
        later = [label for part in node.parts[index + 1 :] for each in part for label in labels_of(each)]
        self._write_nodes(node.parts[index], later)
        if index + 1 == len(node.parts):
            if node.step.stop is not None and (node, index) not in self._typing.conditions:
                text, call = self._stop(node, index)
                self._line(text, call)  # it may be no bool
            return
        if node.step.stop is None:
            self._write_parts(node, index + 1)
            return
        text, call = self._stop(node, index)
        with self._block(f"if {'at != 0 or ' if later else ''}not {text}:", call):
            self._write_parts(node, index + 1)

    def _stop(self, node: Steps, index: int) -> tuple[str, Call | None]:
        stop = node.step.stop
        assert stop is not None
        if (node, index) in self._typing.conditions:
            return self._blob(stop), None
        call = Call(node, self._path())
        return self._called("stops", call), call


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _either(*labels: int) -> str:
    return " or ".join(f"at == {label}" for label in labels)


def _or(test: str, labels: Sequence[int]) -> str:
    return f"({test}) or {_either(*labels)}" if labels else test


def _plain(name: str) -> str:
    """A blob's or an operator's name as one of Python's."""
    last = re.sub(r"\W+", "_", name.rpartition("/")[2]).strip("_")
    return f"blob_{last}" if not last or last[0].isdigit() else last
