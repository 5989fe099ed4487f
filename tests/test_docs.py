"""Documents for those who carry on: what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import ROOT

FILE = re.compile(r"\.(py|md|json|jsonl|toml|html|safetensors)$")
DOCUMENTS = [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_document_names_files_and_modules_that_there_are(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    missing = []
    for name in re.findall(r"`([\w./]+/[\w./]*)`", text):  # paths, from the top or from neuroevo/
        if not any((top / name).exists() for top in (ROOT, ROOT / "neuroevo")):
            missing.append(name)
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        if not (path.parent / link).exists():
            missing.append(link)
    for name in re.findall(r"`((?:neuroevo\.)?[a-z_]+(?:\.[a-zA-Z_]+)+)`", text):
        if not FILE.search(name) and not _is_ours(name.removeprefix("neuroevo.").split(".")):
            missing.append(name)
    assert not missing


def _is_ours(parts: list[str]) -> bool:
    """Says whether a dotted name is that of a module, or of what one defines; other packages' names pass."""
    package = ROOT / "neuroevo" / parts[0]
    if not package.is_dir() and not package.with_suffix(".py").exists():
        return True
    for k in range(len(parts), 0, -1):
        module = (ROOT / "neuroevo").joinpath(*parts[:k])
        if module.is_dir() or module.with_suffix(".py").exists():
            file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
            return k == len(parts) or re.search(rf"\b{parts[k]}\b", file.read_text()) is not None
    return False
