"""Writing a plan: nets, steps, tasks and the `ops` language."""
