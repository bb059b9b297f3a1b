"""``python -m sitepreview FOLDER``: draw the Quarto website of a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sitepreview.portable import check_sources
from sitepreview.problems import Refused
from sitepreview.site import render_site


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code (0 well, 2 refused with a message)."""
    parsed = _parser().parse_args(arguments)
    try:
        if parsed.check:
            check_sources(parsed.folder)
            print("every page is inside the portable subset")
        else:
            print(render_site(parsed.folder, out_dir=parsed.out, progress=lambda row: print(row, flush=True)))
    except (Refused, OSError, ValueError) as error:
        print(f"sitepreview: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sitepreview",
        description="Draw a Quarto website: with Quarto where it is installed, otherwise with pandoc and smalldocs.",
    )
    parser.add_argument("folder", type=Path, help="folder with _quarto.yml")
    parser.add_argument("--out", type=Path, help="folder of the site (default: output-dir of _quarto.yml, or _site)")
    parser.add_argument("--check", action="store_true", help="only list what is outside the portable subset")
    return parser


if __name__ == "__main__":
    sys.exit(main())
