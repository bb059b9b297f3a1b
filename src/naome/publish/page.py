"""What every page has: the banner that says which data it shows, and where its numbers come from."""

from __future__ import annotations

from naome.publish.display import show_banner, show_text
from naome.run import Run

BANNERS = {
    "synthetic": (
        "synthetic",
        "**Synthetic data.** Every person, organisation and number on this page is invented by a program to test the "
        "methods. Nothing here describes real patients or real care.",
    ),
    "open": (
        "real",
        "**Real, public, historical data.** Women treated decades ago, published for research. "
        "Nothing here describes present care.",
    ),
    "real": ("real", "**Real data.** Results have passed disclosure control."),
}


def show_marking(run: Run) -> None:
    """Show the banner of the run's data."""
    show_banner(*BANNERS[run.marking])


def show_not_derivable(run: Run) -> None:
    """List what this nation's data cannot support, and why."""
    reasons = run.params.not_derivable
    if not reasons:
        show_text("Everything defined for which a data item exists can be derived from these data.")
        return
    titles = {i.id: i.title for i in run.specification.indicators}
    cohorts = {"": "", "denovo": " (de novo)", "recurrent": " (recurrent)"}
    lines = []
    for key, reason in reasons.items():
        name, _, cohort = key.partition(".")
        lines.append(f"- {titles.get(name, name)}{cohorts.get(cohort, '')}: {reason}")
    show_text("Not derivable from these data:\n\n" + "\n".join(lines))
