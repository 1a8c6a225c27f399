"""`python -m cxrneighbors` is the command line."""

from cxrneighbors.cli.main import run

if __name__ == "__main__":
    run()
