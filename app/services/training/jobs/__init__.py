"""Jobs from request to result: queue, lease, progress, events, outputs."""
