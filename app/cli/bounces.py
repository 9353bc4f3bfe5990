"""Returned mail from a mail server's pipe."""

import sys

import click

from app.cli.shared import Answer, answers
from app.guard.bounce_mail import LARGEST_BYTES
from app.settings import Settings
from app.worker.lmtp import take


@click.command()
@click.option("--recipient", default="", help="The address that it came back to; else its headers are asked.")
@answers
def bounce(settings: Settings, recipient: str) -> Answer:
    """Take one returned mail from standard input, as a mail server's pipe gives it."""
    taken = take(settings, sys.stdin.buffer.read(LARGEST_BYTES + 1), recipient)
    said = "Taken." if taken else "It tells nothing new about anybody we wrote to."
    return Answer(said, {"taken": taken})


COMMANDS = (bounce,)
