"""The house, checked: floors, file length, no drawers, each optional package behind one door."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

FLOORS = (
    {"geometry"},
    {"schema"},
    {"io", "tokens", "viz", "metrics", "protocols"},
    {"export", "deid", "processor", "backbone"},
    {"decoders"},
    {"model", "tasks"},
    {"checkpoint", "one_pass"},
    {"predictor", "data"},
    {"training", "evaluation"},
    {"serving"},
    {"cli"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FLOOR_OF["__init__"] = len(FLOORS)
DRAWERS = {"utils", "util", "misc", "common", "helpers", "helper", "core"}
OPTIONAL = {"gradio", "litserve", "ray", "onnx", "onnxruntime", "segment_anything", "bitsandbytes", "torchao"}
LIGHTNING_HOMES = ("umind/training/", "umind/data/datamodule.py", "umind/cli/fit.py")
MAX_LINES = 400


def imports_of(tree: ast.Module, package: list[str]) -> Iterator[tuple[str, int, bool]]:
    """Dotted name, line and whether it stands in a function, for every import; ``package`` is the file's own, for dots."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    inside = {id(child) for function in functions for child in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*parents, *filter(None, [node.module])])
            if module == "umind":  # `from umind import io` takes a room; `from umind import read` would take the roof's names
                yield from ((f"umind.{alias.name}", node.lineno, id(node) in inside) for alias in node.names)
            else:
                yield module, node.lineno, id(node) in inside


def findings_in(root: Path) -> list[str]:
    """Every breach of the house rules below ``root``, which holds the folder ``umind``."""
    found, doors = [], defaultdict(set)
    for path in sorted((root / "umind").rglob("*.py")):
        name, parts = path.relative_to(root).as_posix(), path.relative_to(root).with_suffix("").parts
        room = parts[1]
        if room not in FLOOR_OF:
            found.append(f"{name}: no floor has a room called {room!r}")
            continue
        for target, line, in_function in imports_of(ast.parse(path.read_text("utf-8")), list(parts[:-1])):
            where, top = f"{name}:{line}", target.split(".")[0]
            if top in OPTIONAL:
                doors[top].add(name)
            if top == "pytorch_lightning" or (top == "lightning" and not name.startswith(LIGHTNING_HOMES)):
                found.append(f"{where}: {top} belongs in {', '.join(LIGHTNING_HOMES)}")
            if top != "umind":
                continue
            other = target.split(".")[1] if "." in target else "__init__"
            if in_function:
                found.append(f"{where}: imports {target} inside a function")
            if other not in FLOOR_OF or other == "__init__":
                found.append(f"{where}: imports {target} from the package's __init__")
            elif other != room and FLOOR_OF[other] >= FLOOR_OF[room]:
                kind = "its neighbour" if FLOOR_OF[other] == FLOOR_OF[room] else "upward"
                found.append(f"{where}: {room} imports {kind}: {target}")
    found += [f"{package} is imported in {sorted(names)}" for package, names in doors.items() if len(names) > 1]
    for folder in ("umind", "tests", "benchmarks", "examples"):
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            found += [
                f"{name}: a drawer" for part in path.relative_to(root).with_suffix("").parts if part.lstrip("_") in DRAWERS
            ]
            length = len(path.read_text("utf-8").splitlines())
            found += [f"{name}: {length} lines"] if length > MAX_LINES else []
    return found


def test_house() -> None:
    """The tree as it stands breaks no rule."""
    assert findings_in(REPOSITORY) == []


def test_clean_tree_passes(tmp_path: Path) -> None:
    write(
        tmp_path,
        "umind/schema/image.py",
        "from umind.geometry import spacing\nfrom .errors import ImageReadError\n",
    )
    write(tmp_path, "umind/cli/fit.py", "import lightning\nfrom . import train\nfrom umind.predictor import UMindVL\n")
    write(tmp_path, "umind/__init__.py", "from umind.predictor import UMindVL\n")
    assert findings_in(tmp_path) == []


def test_every_rule_can_fail(tmp_path: Path) -> None:
    planted = {
        "umind/geometry/boxes.py": ("from umind.schema.image import Clip", "imports upward: umind.schema.image"),
        "umind/geometry/masks.py": ("from ..predictor import UMindVL", "imports upward: umind.predictor"),
        "umind/io/dicom.py": ("from umind.viz import draw", "imports its neighbour: umind.viz"),
        "umind/tasks/find.py": ("import umind.model", "imports its neighbour: umind.model"),
        "umind/cli/main.py": ("def run():\n    from umind.io import dicom", "inside a function"),
        "umind/serving/demo.py": ("from umind import read", "from the package's __init__"),
        "umind/serving/page.py": ("import umind", "from the package's __init__"),
        "umind/predictor.py": ("import lightning.pytorch", "lightning belongs in"),
        "umind/training/fit.py": ("import pytorch_lightning", "pytorch_lightning belongs in"),
        "umind/export/seg.py": ("import gradio", "gradio is imported in"),
        "umind/export/report.py": (
            "try:\n    from gradio import Blocks\nexcept ImportError:\n    Blocks = None",
            "gradio is imported in",
        ),
        "umind/attic/box.py": ("", "no floor has a room called 'attic'"),
        "umind/viz/utils.py": ("", "a drawer"),
        "umind/viz/long.py": ("\n" * 401, "401 lines"),
    }
    for name, (source, _) in planted.items():
        write(tmp_path, name, source)
    found = findings_in(tmp_path)
    for name, (_, message) in planted.items():
        assert [line for line in found if name in line and message in line], f"{name} went unseen in {found}"
    assert len(found) == len(planted) - 1  # both gradio files are one finding


def write(root: Path, name: str, source: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
