"""Which code a run was made by: a digest of the program, and the commit where git can tell.

A notebook is not part of the digest: each page says by which notebook it was made (:func:`digest_notebook`), so that a
change in one does not put all others out of date.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from naome.core.paths import project_root

if TYPE_CHECKING:
    import nbformat

#: What decides no number of a run: it draws the site, or takes commands
OUTSIDE = (
    "core/out_folder.py",
    "measures/recommendations.py",
    *(f"report/{name}" for name in ("finished.py", "downloads.py", "reference/", "publication/", "suggestions.py")),
    *(f"report/{name}.py" for name in ("workbook", "action_plans", "plan_template", "plain_zip")),
    *(f"workflow/{name}.py" for name in ("site", "site_runs", "navigation", "explain", "graph", "chain", "new_audit")),
    *(f"workflow/{name}.py" for name in ("docs", "refresh", "cli", "command_parser", "endings", "attack_words")),
    *(f"workflow/{name}.py" for name in ("warm", "kernels", "fonts")),
)
PACKAGE = Path(__file__).parent.parent
#: What the analysis is made of, and in which environment: whoever has the commit has the code only if these are as it
#: has them. A parameter file is not among them, and `naome new-audit` may write one anywhere: a run keeps its own copy,
#: and each page names its digest. Nor are pages on methods, tests and notes, which no number comes from
MADE_OF = ("src", "notebooks", "definitions", "methodology/simulation", "pyproject.toml", "requirements.lock")

#: What stands for the commit in a manifest where git cannot tell
NO_COMMIT = "not a git checkout"


@dataclass(frozen=True)
class CodeVersion:
    """The code of a run.

    Attributes
    ----------
    sha256 : str
        Digest of the package's source, without :data:`OUTSIDE`.
    commit : str
        The commit that is checked out; empty where git cannot tell.
    dirty : bool or None
        Whether what the analysis is made of (:data:`MADE_OF`) differs from that commit; None where git cannot tell.
    """

    sha256: str
    commit: str
    dirty: bool | None

    def describe(self) -> str:
        """Return how a page names it: the commit, or the digest where there is none.

        Examples
        --------
        >>> CodeVersion("f" * 64, "", None).describe()
        'code sha256 `ffffffffffff` (not a git checkout)'
        """
        if not self.commit:
            return f"code sha256 `{self.sha256[:12]}` ({NO_COMMIT})"
        return f"code `{self.commit[:12]}`{' with uncommitted changes' if self.dirty else ''}"


def list_code() -> list[Path]:
    """Return the source files that decide the numbers of a run; workflow and digest use the same list."""
    found = PACKAGE.rglob("*.py")
    return sorted(path for path in found if not path.relative_to(PACKAGE).as_posix().startswith(OUTSIDE))


@cache
def code_version() -> CodeVersion:
    """Return the version of the code that is running."""
    root = project_root()
    digest = hashlib.sha256()
    for path in list_code():
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:
        return CodeVersion(digest.hexdigest(), "", None)  # of no repository, or inside another's
    changes = _git("status", "--porcelain", "--", *MADE_OF)
    return CodeVersion(digest.hexdigest(), _git("rev-parse", "HEAD") or "", None if changes is None else bool(changes))


def digest_notebook(notebook: nbformat.NotebookNode) -> str:
    """Return the sha256 of a notebook's cells, without outputs and metadata."""
    source = [[cell.cell_type, cell.source] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()


def _git(*arguments: str) -> str | None:
    """Return what git says, or None where it is missing or refuses."""
    try:
        done = subprocess.run(["git", *arguments], cwd=project_root(), capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
