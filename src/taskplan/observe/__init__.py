"""Looking at a run from outside: logs and progress, from events alone."""
