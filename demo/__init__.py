"""The demo behind `make demo`: a control plane, Rollcall, three services, and changes that are timed.

Run from the repository's root as `python -m demo`. One reading of `story.py` shows all that it does.
"""

import sys
from pathlib import Path

# The control plane is that of the tests, which are not installed.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
