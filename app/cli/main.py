"""The root of the command line: discovers the commands and turns errors into one sentence and an exit code."""

import importlib
import os
import pkgutil
import sys
from pathlib import Path

import click

from app.errors import CandorError, NeedsConfirmation, NotAllowed, SettingError, Unavailable
from app.publish.catalogues.errors import of_file
from app.version import VERSION

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_TRY_AGAIN = os.EX_TEMPFAIL
EXIT_NOT_ALLOWED = os.EX_NOPERM


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="candor")
def candor() -> None:
    """A status page and incident communications hub.

    Exit codes: 0 success, 1 failure, 2 bad input, 75 database unavailable (try again), 77 not allowed.
    """


def _add_commands() -> None:
    """Add the `COMMANDS` of every module in this folder, so that a new noun is one new module."""
    for found in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if found.name not in {"main", "__main__"}:
            module = importlib.import_module(f"app.cli.{found.name}")
            for command in getattr(module, "COMMANDS", ()):
                candor.add_command(command)


_add_commands()


def main() -> None:
    """Run `candor`. A failure prints one sentence on standard error, never a traceback."""
    try:
        candor.main(standalone_mode=False)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_BAD_INPUT)
    except CandorError as error:
        _say(error)
        sys.exit(_exit_code(error))
    except BrokenPipeError:
        sys.exit(EXIT_FAILED)
    except OSError as error:
        click.echo(f"candor: {error.filename or 'A file'}: {error.strerror or error}.", err=True)
        sys.exit(EXIT_FAILED)


def _say(error: CandorError) -> None:
    """Print an error in the language of STAFF_CATALOGUE, which is read here because a setting may be what is wrong."""
    catalogue = os.environ.get("STAFF_CATALOGUE")
    said, fields = of_file(Path(catalogue) if catalogue else None).say_all(error)
    click.echo(f"candor: {said}", err=True)
    for name, sentence in fields.items():
        if sentence != said:
            click.echo(f"  {name}: {sentence}", err=True)
    for finding in getattr(error, "findings", ()):
        click.echo(f"  {finding}", err=True)
    if isinstance(error, NeedsConfirmation):
        click.echo(f"  To publish it anyway, {error.BY_OPTION}.", err=True)


def _exit_code(error: CandorError) -> int:
    if isinstance(error, Unavailable):
        return EXIT_TRY_AGAIN
    if isinstance(error, NotAllowed):
        return EXIT_NOT_ALLOWED
    return EXIT_FAILED if isinstance(error, SettingError) else EXIT_BAD_INPUT
