"""Start of `python -m deploy.demo`."""

import sys

from deploy.demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
