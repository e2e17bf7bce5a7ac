"""The fast way to run a region: generated Python, and native code. Without it only speed changes."""
