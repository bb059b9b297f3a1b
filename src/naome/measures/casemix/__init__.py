"""Case mix: prepared, imputed where it is missing, adjusted for, pooled, judged, and checked."""
