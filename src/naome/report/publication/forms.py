"""What is estimated of an indicator or of survival beside its value: a trend, a gap, an adjusted value, a ratio."""

from __future__ import annotations

#: End of the name of a measure -> what it is; the longest that fits
FORMS = {
    "_gap": "The difference between the proportions of the two groups.",
    "_gap_standardised": "The difference between the proportions of the two groups after direct standardisation of "
    "both to the ages of everyone who is counted.",
    "_trend": "The odds ratio of each year to the year before, by year of the time origin; 1 is no trend.",
    ".median_odds_ratio": "The median odds ratio of two organisations chosen at random; 1 is no variation.",
    ".share_beyond_chance": "The share of the variation between organisations that chance does not explain.",
    "_no_landmark": "The proportion of everyone eligible; those who died early count as not treated.",
    "_landmark": "The proportion of those who were alive 30 days after the time origin.",
    "_incidence": "The cumulative incidence of treatment by the end of its window in everyone eligible, with death "
    "before treatment as a competing event.",
    "_died_untreated": "The cumulative incidence of death before treatment by the end of its window, in everyone "
    "eligible.",
    "_ratio": "The observed number divided by the number expected from the case mix; 1 is as expected.",
    "_with_death": "Registered deaths are a further source.",
    "_corrected": "The number found times a factor from capture-recapture for those who were missed.",
    "_adjusted": "The proportion adjusted for case mix: the organisation's odds relative to those expected of its "
    "people, applied to the proportion of the nation.",
    "_period": "Survival by period analysis: from the last years of follow-up of people who were diagnosed earlier.",
    "_standardised": "Standardised to the ages of a standard population.",
}
#: The same, of survival
OF_SURVIVAL = {
    "_adjusted": "Survival adjusted for case mix: the organisation's survival relative to that expected of its people, "
    "applied to the survival of the nation.",
}
#: Beginning of the name of a measure -> what it is, where its end does not say
BEGINNINGS = {
    "net_survival": "Survival if metastatic breast cancer were the only cause of death.",
    "recurrent_population": "The estimated number of people with a recurrence, found or missed.",
    "recurrent_found": "The share of the estimated number of people with a recurrence that was found.",
    "recurrent_seen": "People with a recurrence whom a source found.",
    "eligible.": "People who are eligible for the indicator.",
}


def say_form(measure: str) -> str:
    """Say what is estimated under the name of a measure; an empty text where its definition says it.

    Examples
    --------
    >>> say_form("biopsy_ratio").partition(";")[0]
    'The observed number divided by the number expected from the case mix'
    >>> say_form("survival_3y_adjusted").partition(":")[0], say_form("biopsy")
    ('Survival adjusted for case mix', '')
    """
    forms = {**FORMS, **OF_SURVIVAL} if measure.startswith("survival") else FORMS
    ending = max((end for end in forms if measure.endswith(end)), key=len, default="")
    beginning = next((start for start in BEGINNINGS if measure.startswith(start)), "")
    return f"{BEGINNINGS.get(beginning, '')} {forms.get(ending, '')}".strip()
