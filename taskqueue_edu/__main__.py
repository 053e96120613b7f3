"""`python -m taskqueue_edu`: the `taskqueue` command, for this very interpreter."""

from taskqueue_edu.cli import main

if __name__ == "__main__":  # a spawned process imports this file too
    main()
