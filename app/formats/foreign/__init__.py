"""What other files hold and records do not: columns and kinds of files, counted or refused."""
