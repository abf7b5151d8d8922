"""The runs table as values: what is known of each run, what is asked for, the lines that follow, what a page sees."""
