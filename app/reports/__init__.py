"""Numbers made readable: plots, the HTML report, the data set card."""
