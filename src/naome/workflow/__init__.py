"""Runs from extract to site: plan, read, execute, explore, render; and the command line."""
