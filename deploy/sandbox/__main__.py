"""`python -m deploy.sandbox …`"""

import sys

from deploy.sandbox.cli import main

sys.exit(main())
