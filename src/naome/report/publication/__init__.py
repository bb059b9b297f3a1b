"""The report of an audit for its readers: key findings, indicators, organisations and a summary for patients.

Everything is made from what finished runs have released. Every number is a link to the list of the results of its
measure, with definition, method and run.
"""
