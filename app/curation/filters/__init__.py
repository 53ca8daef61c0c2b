"""The filters, one or a small family a file; `app.curation.table` puts them in order."""
