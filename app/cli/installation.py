"""Set up Candor without a browser, and check an installation."""

import click

from app.actions.accounts import accounts
from app.actions.pages import pages, sample
from app.cli.doctor import checkup
from app.cli.migrating import database, upgrade_database
from app.cli.shared import Answer, about_page, answers, password_from
from app.errors import Conflict
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.vocabulary import Role


@click.command()
@click.option("--page", required=True, help="The page's name.")
@click.option("--url", default="", help="The page's address. Default: BASE_URL.")
@click.option("--email", required=True, help="The first admin's email address.")
@click.option("--name", default="", help="The first admin's name. Default: the email address.")
@click.option("--time-zone", default="Etc/UTC", help="The page's time zone, such as Europe/Berlin.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@answers
def init(
    settings: Settings, *, page: str, url: str, email: str, name: str, time_zone: str, password_stdin: bool
) -> Answer:
    """Create the database, the first page and the first admin account.

    Example: candor init --page "Acme Status" --email lena@example.com --password-stdin < password.txt
    """
    upgrade_database()
    if not accounts.needs_setup():
        raise Conflict("Candor is already set up. To add people, run candor user add.")
    password = password_from(password_stdin)
    accounts.check_details(email=email, name=name or email, password=password)
    page_id = pages.create_page(settings, COMMAND_LINE, name=page, url=url, time_zone=time_zone)
    account = accounts.create_account(COMMAND_LINE, email=email, name=name or email, password=password, role=Role.ADMIN)
    return Answer(f"{page} is ready. Sign in at {settings.base_url}/sign-in", {"page": page_id, "account": account})


@click.command("setup-link")
@answers
def setup_link(settings: Settings) -> Answer:
    """Print a new one-time setup link. Earlier links stop working."""
    link = f"{settings.base_url}/setup/{accounts.make_setup_token(settings)}"
    return Answer(link, {"link": link})


@click.command("sample")
@answers
@about_page
def load_sample(settings: Settings, page_id: int) -> Answer:
    """Load sample data into a page. No notifications are sent."""
    made = sample.load(settings, COMMAND_LINE, page_id)
    return Answer("Sample data loaded." if made else "The sample data is already loaded.", {"loaded": made})


@click.command()
@answers
def doctor(settings: Settings) -> Answer:
    """Check the installation and print how to fix each problem.

    Checks configuration, database, mail, clock, disk, permissions, publish hook and canaries.
    """
    findings = checkup(settings)
    lines = [f"{finding.level:<5} {finding.subject}: {finding.sentence}" for finding in findings]
    failed = any(finding.level == "fail" for finding in findings)
    data = {"ok": not failed, "checks": [finding.as_dict() for finding in findings]}
    return Answer("\n".join(lines), data, exit_code=1 if failed else 0)


COMMANDS = (init, setup_link, load_sample, doctor, database)
