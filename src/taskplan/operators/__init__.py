"""What operators mean: one declaration each, by family."""
