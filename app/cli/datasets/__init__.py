"""`seedbed datasets` and `seedbed export`: make, import, inspect and download data sets."""
