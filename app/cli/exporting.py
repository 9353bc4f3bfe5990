"""`candor export`: the published page as plain files."""

from pathlib import Path

import click

from app.cli.shared import PAGE_HELP, Answer, answers_from_files
from app.errors import Invalid, NotFound
from app.publish.addresses import DEFAULT_SLUG, published_slugs
from app.publish.export import export
from app.settings import Settings


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--into-existing", is_flag=True, help="Allow a folder that contains other files.")
@click.option("--page", "page_slug", metavar="SLUG", envvar="CANDOR_PAGE", default="", help=PAGE_HELP)
@answers_from_files
def export_copy(settings: Settings, folder: Path, into_existing: bool, page_slug: str) -> Answer:
    """Export a static copy of a page to DIR.

    Any web server or bucket can serve it. This works without the database. Run it again to write what changed and
    delete what was removed.
    """
    done = export(settings, folder, into_existing=into_existing, slug=_published_page(settings, page_slug))
    said = f"{done.written} written, {done.unchanged} unchanged, {done.deleted} deleted"
    return Answer(
        f"Exported revision {done.revision} to {done.folder}: {said}.",
        {
            "folder": str(done.folder),
            "revision": done.revision,
            "written": done.written,
            "unchanged": done.unchanged,
            "deleted": done.deleted,
        },
    )


def _published_page(settings: Settings, slug: str) -> str:
    """The page to export, found without the database.

    Raises:
        Invalid: no slug is given, and there are several pages.
        NotFound: no page has this slug.
    """
    known = published_slugs(settings.public_root)
    names = ", ".join(known)
    if not slug and len(known) > 1:
        raise Invalid(f"There are several pages: {names}. Choose one with --page, or set CANDOR_PAGE.")
    if slug and slug not in {*known, DEFAULT_SLUG}:
        raise NotFound(f"Page {slug} not found. Pages: {names}.")
    return slug or known[0]


COMMANDS = (export_copy,)
