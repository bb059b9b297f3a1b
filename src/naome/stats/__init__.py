"""Statistical methods; nothing here knows about the audit's data, and nothing here imports the rest of naome."""
