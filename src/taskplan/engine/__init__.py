"""Running a plan on one node: workspaces, the policy of steps, drivers, the interpreter."""
