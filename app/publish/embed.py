"""Embeds for other websites: a frame that shows while something is wrong, and a replacement for Statuspage's script."""

from app.publish import phrases
from app.publish.artifact import FRAME
from app.publish.badge import SHAPES
from app.publish.environment import embed_assets, environment, script
from app.publish.html import TextFiles
from app.publish.views import PostView, Snapshot
from app.vocabulary import ComponentStatus, Impact


def files(snapshot: Snapshot) -> TextFiles:
    """`embed/script.js`, `embed/frame.html` and `embed/statuspage.js`, in the page's own language."""
    return {
        "embed/script.js": script("js/embed.js"),
        "embed/statuspage.js": script("js/statuspage.js"),
        FRAME: _frame(snapshot),
    }


def _frame(snapshot: Snapshot) -> str:
    """The worst open post, or that all is well; `said` changes with every statement, so that it is shown again."""
    page = snapshot.page
    post = next(iter(snapshot.worst_first), None)
    urls = {name.rpartition(".")[2]: f"{page.base}/assets/{name}" for name in embed_assets(page.accent)}
    with phrases.speaking(page.language):
        return (
            environment()
            .get_template("public/embed.html")
            .render(
                page=page,
                snapshot=snapshot,
                post=post,
                shape=_shape(snapshot, post),
                said=_said(post),
                link=f"{page.base}/incidents/{post.public_id}" if post else f"{page.base}/",
                style_url=urls["css"],
                script_url=urls["js"],
            )
        )


def _said(post: PostView | None) -> str:
    return "" if post is None else f"{post.public_id}-{len(post.updates)}"


def _shape(snapshot: Snapshot, post: PostView | None) -> ComponentStatus:
    if post is None:
        return SHAPES[snapshot.verdict.indicator]
    return ComponentStatus.UNKNOWN if post.impact is Impact.NONE else SHAPES[post.impact]
