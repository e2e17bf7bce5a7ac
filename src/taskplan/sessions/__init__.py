"""Joining the rooms: compile, check, place, run and fetch."""
