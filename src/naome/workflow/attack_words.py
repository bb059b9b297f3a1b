"""What the attack on a release found, in words: on the sheet for the output checker, and in the help of its command."""

from __future__ import annotations

from textwrap import wrap

#: Key of what was found -> how the sheet names it
ATTACK_FOUND = {
    "verdict": "Whether the release withstands the attack; not attacked where the policy guarantees nothing",
    "policy": "Policy",
    "thorough": "Whether every suppressed count whose range is close to the guaranteed one was looked at (--thorough)",
    "rows_shown": "Results below the nation that are shown",
    "rows_hidden": "Results below the nation that are suppressed",
    "national_hidden": "National results that are suppressed",
    "smallest": "Smallest count above zero shown below the nation",
    "hidden": "Small counts that are suppressed",
    "hidden_narrow": "of these, narrower than guaranteed (must be 0)",
    "hidden_exact": "of these, known exactly",
    "shown": "Rounded counts above zero that are shown, where the policy rounds",
    "shown_narrow": "of these, with fewer possible values than guaranteed (must be 0)",
    "shown_exact": "of these, known exactly",
    "values": "of these, by number of possible values",
    "zero": "Counts shown as 0 (no one, or everyone without an event), which the policy allows",
    "remainders": "Suppressed groups that are few people together, as follows from all and the others (must be 0)",
    "pooled_broken": "Results of nations together from which a suppressed one follows (must be 0)",
    "without_result": "Rows without a result that yet hold a number (must be 0)",
    "guesses": "Results adjusted for case mix whose counts were guessed",
    "guesses_blind": "of these, number expected to be guessed right without the adjusted number",
    "guesses_right": "of these, number guessed right with it",
    "guesses_allowed": "of these, largest number that may be guessed right",
    "relations": "Relations between counts that were used",
    "relations_broken": "of these, not fulfilled by the exact counts (must be 0)",
    "truth_outside": "Exact counts outside what was worked out (must be 0)",
    "programmes": "Suppressed counts whose range was also worked out by linear programming, those of the narrowest",
}
#: Keys that hold several
LISTS = {
    "shares": "Measure -> share of its organisations whose result is shown",
    "where": "What must be 0 and is not -> measure, cohort, level and characteristic of the tables in which it fails",
}


def describe_keys() -> str:
    """Describe each key of what `naome attack` prints, in the order in which it stands on the sheet."""
    said = {**ATTACK_FOUND, **LISTS}
    width = max(map(len, said))
    lines = ["keys of what is printed:"]
    for key, text in said.items():
        lines += wrap(text, 100, initial_indent=f"  {key:<{width}}  ", subsequent_indent=" " * (width + 4))
    return "\n".join(lines)
