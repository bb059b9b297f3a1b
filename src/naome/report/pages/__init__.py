"""One module per page of the site: its tables, sentences and figures; the module has the notebook's name."""
