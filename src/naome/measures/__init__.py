"""What the audit measures: knows the analysis table and the definitions, and nothing of files."""
