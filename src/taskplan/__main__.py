"""`python -m taskplan`: the command line."""

from taskplan.cli import main

if __name__ == "__main__":
    main(prog_name="python -m taskplan")
