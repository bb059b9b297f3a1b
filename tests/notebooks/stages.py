"""Print the notebooks in stages, a line each: those of one stage need only what earlier ones write."""

from __future__ import annotations

from naome.workflow.pages import load_pages


def main() -> None:
    """Print them."""
    left, written = list(load_pages().notebooks), set(load_pages().reading_saves)
    while left:
        stage = [page for page in left if written.issuperset(page.needs)]
        print(*(f"notebooks/{page.notebook}.ipynb" for page in stage))
        written.update(frame for page in stage for frame in page.saves)
        left = [page for page in left if page not in stage]


if __name__ == "__main__":
    main()
