"""Pages that are written from code and definitions."""
