"""From canonical tables to the analysis table: numbered rules as lazy table expressions."""
