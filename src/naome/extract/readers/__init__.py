"""One module per feed: its raw tables, and how the canonical tables are filled from them."""
