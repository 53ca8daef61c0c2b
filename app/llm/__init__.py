"""Model endpoints: requests, replies, errors, concurrency, prices, the embedded model."""
