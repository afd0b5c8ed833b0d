"""``python -m simexec``: the command line."""

import sys

from simexec.cli import main

if __name__ == "__main__":
    sys.exit(main())
