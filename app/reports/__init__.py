"""Reports: plots, the HTML report of a data set or an evaluation, the data set card."""
