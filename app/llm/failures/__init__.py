"""Failed calls: what an endpoint said, in every shape and wording that vendors use."""
