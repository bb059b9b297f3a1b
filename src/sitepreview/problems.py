"""What a check found: a problem with its place, and the refusal that carries them all."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing a page author has to change, with its place.

    Parameters
    ----------
    file : str
        The file, relative to the project (or, for a check of a built site, to the site).
    line : int or None
        Line in the file; in a notebook, line in the cell. None when the whole file is meant.
    what : str
        What was found, with the offending value.
    instead : str
        What to write instead.
    cell : int or None
        In a notebook: the cell, counted from 1.
    """

    file: str
    line: int | None
    what: str
    instead: str
    cell: int | None = None

    def __str__(self) -> str:
        if self.cell is not None:
            place = f"{self.file}: cell {self.cell}" + (f", line {self.line}" if self.line else "")
        else:
            place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}. Instead: {self.instead}"


class Refused(Exception):
    """The site was not built, and every reason is listed; an existing site was left as it was.

    Parameters
    ----------
    problems : list of Problem
        All problems found, in the order of files and lines.
    """

    def __init__(self, problems: list[Problem]):
        self.problems = sort_problems(problems)
        super().__init__(describe_problems(self.problems))


def sort_problems(problems: list[Problem]) -> list[Problem]:
    """Sort problems by place, each kept once."""
    return sorted(set(problems), key=lambda p: (p.file, p.cell or 0, p.line or 0, p.what))


def describe_problems(problems: list[Problem]) -> str:
    """Write problems for a person: a count, then one line each."""
    count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
    return "\n".join([f"refused: {count} to mend first", *(f"  {p}" for p in problems)])
