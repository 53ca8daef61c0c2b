"""Selection of rows: filters, deduplication, decontamination, mixing and splits; pure."""
