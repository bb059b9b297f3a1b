"""What everything rests on: errors, files, parameters, definitions, results. It knows nothing of cancer."""
