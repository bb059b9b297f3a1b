"""From the position of an organisation to methods and actions that suit it."""

from __future__ import annotations

from collections.abc import Iterable

from naome.measures.recommendations import QualityImprovement, Recommendation
from naome.measures.variation import DOMAINS, NEUTRAL_DOMAINS

#: Position -> key of the domains and of the actions; any other is no position in the distribution. Neither tail of a
#: neutral measure is better, so that both are followed like the central mass
KEYS = {name: name.replace(" ", "_") for name in DOMAINS} | dict.fromkeys(NEUTRAL_DOMAINS, "central_mass")


def suggest_methods(position: str, improvement: QualityImprovement) -> tuple[str, ...]:
    """Return the methods of improvement that suit a position.

    Parameters
    ----------
    position : str
        As :func:`naome.release.positions.place_organisations` gives it.
    improvement : QualityImprovement

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> from naome.measures.recommendations import read_quality_improvement
    >>> suggest_methods("not shown", read_quality_improvement(project_definitions()))[0]
    'Local audit of notes or of the submitted data'
    """
    return getattr(improvement.domains, KEYS.get(position, "no_position")).methods


def suggest_actions(recommendation: Recommendation, positions: Iterable[str]) -> list[str]:
    """Return the local actions of a recommendation: those for everyone, then those of each position, worst first.

    Parameters
    ----------
    recommendation : Recommendation
    positions : iterable of str
        Of the organisation, on each measure of the recommendation.

    Examples
    --------
    >>> from naome.core.definitions import project_definitions
    >>> from naome.measures.recommendations import read_recommendations
    >>> first = read_recommendations(project_definitions()).select("england")[0]
    >>> len(suggest_actions(first, ["not shown"])), len(suggest_actions(first, ["central mass", "negative tail"]))
    (2, 4)
    """
    if recommendation.actions is None:
        return []
    keys = {KEYS.get(position) for position in positions}
    fitting = [text for key in KEYS.values() if key in keys for text in getattr(recommendation.actions, key)]
    return [*recommendation.actions.always, *dict.fromkeys(fitting)]
