"""`candor bounce`: returned mail from a mail server's pipe."""

import sys

import click

from app.actions.inbound import reading, receiving
from app.cli.shared import Answer, answers
from app.errors import Forbidden
from app.settings import Settings
from app.sources import mail
from app.sources.base import Received


@click.command()
@click.option("--recipient", default="", help="The envelope recipient. Default: taken from the headers.")
@answers
def bounce(settings: Settings, recipient: str) -> Answer:
    """Process a bounce or complaint from standard input.

    Set it up as a pipe in your mail server; see docs/guides/email.md.
    """
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
        return Answer("This message has no new information about a recipient.", {"taken": False})
    return Answer("Recorded.", {"taken": True})


COMMANDS = (bounce,)
