"""`candor export`: the published page as plain files."""

from pathlib import Path

import click

from app.cli.shared import Answer, answers_from_files
from app.publish.export import export
from app.settings import Settings


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--into-existing", is_flag=True, help="Allow a folder that contains other files.")
@answers_from_files
def export_copy(settings: Settings, folder: Path, into_existing: bool) -> Answer:
    """Export a static copy of the page to DIR.

    Any web server or bucket can serve it. This works without the database. Run it again to write what changed and
    delete what was removed.
    """
    done = export(settings, folder, into_existing=into_existing)
    said = f"{done.written} written, {done.unchanged} unchanged, {done.deleted} deleted"
    return Answer(
        f"Exported revision {done.revision} to {done.folder}: {said}.",
        {
            "folder": str(done.folder), "revision": done.revision,
            "written": done.written, "unchanged": done.unchanged, "deleted": done.deleted,
        },
    )  # fmt: skip


COMMANDS = (export_copy,)
