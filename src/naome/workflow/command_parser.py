"""A parser of command lines that says what was meant by a command, an option or a choice that it does not know."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from naome.core.errors import suggest


class CommandParser(argparse.ArgumentParser):
    """As that of the standard library, which lists what is allowed but never says which is nearest."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """Refuse an option that is not known before one that is missing, which it may have been meant to be."""
        given = sys.argv[1:] if args is None else list(args)
        self._check_options(given)
        return super().parse_known_args(given, namespace)

    def _check_options(self, given: Sequence[str]) -> None:
        shown = [
            name
            for name, action in self._option_string_actions.items()
            if action.help != argparse.SUPPRESS and name.startswith("--")
        ]
        for word in given:
            if word == "--" or (self._subparsers and not word.startswith("-")):
                return  # what follows is for the command
            name = word.partition("=")[0]
            known = any(option.startswith(name) for option in self._option_string_actions)
            if name.startswith("--") and not known:
                self.error(f"there is no option {name}{suggest(name, shown)}; options: {', '.join(shown)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            allowed = list(map(str, action.choices))
            said = f"there is no {value!r}{suggest(str(value), allowed)}; allowed: {', '.join(allowed)}"
            raise argparse.ArgumentError(action, said)
