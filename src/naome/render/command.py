"""What `naome render` does: print progress and problems, and give the exit code."""

import sys
from pathlib import Path

from naome.render.portable import check_portable
from naome.render.problems import Refused
from naome.render.site import render_site


def run_render(project_dir: str | Path, *, renderer: str = "auto", check: bool = False) -> int:
    """Render the site, or only check its sources, and tell a person about it.

    Parameters
    ----------
    project_dir : str or Path
        The folder with `_quarto.yml`.
    renderer : {"auto", "quarto", "preview"}
        See `render_site`.
    check : bool
        Only list what is outside the portable subset.

    Returns
    -------
    int
        0 when all is well, 2 when there are problems; they are listed on stderr, all of them.
    """
    try:
        if check:
            problems = check_portable(project_dir)
            if problems:
                raise Refused(problems)
            print("every page is inside the portable subset")
        else:
            print(render_site(project_dir, renderer=renderer, progress=lambda row: print(row, flush=True)))
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
    except (FileNotFoundError, ValueError) as error:
        print(f"naome render: {error}", file=sys.stderr)
        return 2
    return 0
