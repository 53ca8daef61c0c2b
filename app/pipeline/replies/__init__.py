"""Reading of chat replies: thoughts, control tokens, lenient JSON; shared by stages and judges."""
