"""Units of time: durations are days, and a year has the same number of them everywhere."""

#: Days of a year
YEAR_DAYS = 365.25
