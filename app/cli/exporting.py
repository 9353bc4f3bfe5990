"""`candor export`: the published page as plain files, elsewhere."""

from pathlib import Path

import click

from app.cli.shared import Answer, answers_from_files
from app.publish.export import export
from app.settings import Settings


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--into-existing", is_flag=True, help="Put the copy into a folder that holds other files.")
@answers_from_files
def export_copy(settings: Settings, folder: Path, into_existing: bool) -> Answer:
    """Write a static copy of the published page into DIR, for any web server or bucket.

    Works without the database. Run again, it writes what changed and deletes what went.
    """
    done = export(settings, folder, into_existing=into_existing)
    said = f"{done.written} written, {done.unchanged} unchanged, {done.deleted} deleted"
    return Answer(
        f"Revision {done.revision} is in {done.folder}: {said}.",
        {
            "folder": str(done.folder), "revision": done.revision,
            "written": done.written, "unchanged": done.unchanged, "deleted": done.deleted,
        },
    )  # fmt: skip


COMMANDS = (export_copy,)
