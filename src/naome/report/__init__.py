"""What a reader sees: sentences, tables and figures made from released results."""
