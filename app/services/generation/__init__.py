"""Working on a run: slots, the pump, replies turned into rows."""
