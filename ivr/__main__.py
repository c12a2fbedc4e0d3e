"""`python -m ivr` is `hotline`."""

from ivr.main import main

main(prog_name="hotline")
