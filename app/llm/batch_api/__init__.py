"""Client of a provider's Batch API: many calls sent as one file and answered within a day."""
