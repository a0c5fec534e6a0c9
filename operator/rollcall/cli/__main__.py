"""`python -m rollcall.cli`, for where the console script is not on PATH."""

from . import main

main()
