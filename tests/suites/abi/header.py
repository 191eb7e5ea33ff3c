"""include/keyfob.h, parsed by the parser that the bindings' generator has."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def load_declarations():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("declarations", str(ROOT / "tools/declarations"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("declarations", loader))
    sys.modules["declarations"] = module
    loader.exec_module(module)
    return module


def parse():
    declarations = load_declarations()
    return declarations.parse(declarations.HEADER.read_text())
