// grouping
