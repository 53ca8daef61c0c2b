"""Jobs from request to result: requests, lease, progress, events, outputs."""
