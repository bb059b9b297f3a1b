"""``python -m naome_synthetic``."""

import sys

from naome_synthetic.cli import main

sys.exit(main())
