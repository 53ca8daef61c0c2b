"""SVG drawings: axes, bars, lines, interval bars, sunburst."""
