"""Model calls shared by runs and jobs: endpoints, calls in flight, spending."""
