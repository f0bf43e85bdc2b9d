"""Who looks at what passed by, after all processors: sums, the store, judges, scores."""
