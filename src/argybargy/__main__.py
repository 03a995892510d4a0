"""``python -m argybargy``."""

from argybargy.cli.main import main

if __name__ == "__main__":
    main()
