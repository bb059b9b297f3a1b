"""What everything rests on: errors, files, parameters, definitions, results. It holds names of the audit, no codes."""
