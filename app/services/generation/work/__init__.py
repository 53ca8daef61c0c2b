"""Single work items: planned, claimed, requested, recorded, admitted, completed."""
