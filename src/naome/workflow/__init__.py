"""Runs from extract to site: plan, read, execute, explore, render; and the command line."""

import sys

# nbformat imports jsonschema, and that, where this package is there, makes grammars of international addresses: two to
# three seconds of every process that opens a notebook, for a format that no schema of notebooks asks for. jsonschema
# does without the package where it cannot be imported.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
