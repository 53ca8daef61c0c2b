"""`seedbed datasets`: versions of data sets made, imported, shown, downloaded and compared."""
