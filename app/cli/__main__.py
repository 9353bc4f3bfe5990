"""`python -m app.cli` is `candor`."""

from app.cli.main import main

main()
