"""Proving things about a plan before it runs."""
