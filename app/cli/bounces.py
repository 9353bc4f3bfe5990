"""Returned mail from a mail server's pipe."""

import sys

import click

from app.actions.inbound import reading, receiving
from app.cli.shared import Answer, answers
from app.errors import Forbidden
from app.settings import Settings
from app.sources import mail
from app.sources.base import Received


@click.command()
@click.option("--recipient", default="", help="The address that it came back to; else its headers are asked.")
@answers
def bounce(settings: Settings, recipient: str) -> Answer:
    """Take one returned mail from standard input, as a mail server's pipe gives it."""
    raw = sys.stdin.buffer.read(mail.LARGEST_BYTES + 1)
    outcome = None
    try:
        received = Received(body=raw, headers={mail.ENVELOPE_TO: recipient})
        receipt = receiving.receive_into_database(settings, mail.SOURCE, received)
        if receipt.is_new and receipt.row_id is not None:
            outcome = reading.read_now(settings, receipt.row_id)
    except Forbidden as error:
        return Answer(error.sentence, {"taken": False})
    if outcome is None or not outcome.changes:
        return Answer("This mail says nothing new about anybody we wrote to.", {"taken": False})
    return Answer("Taken.", {"taken": True})


COMMANDS = (bounce,)
