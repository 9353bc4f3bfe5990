"""The public overall status, for the console's overview: the same rule, from data that the console has read."""

from collections.abc import Sequence

from app.publish.verdict import OpenPost, Verdict, verdict
from app.queries.components import ComponentRow
from app.queries.posts import PostRow


def verdict_of(components: Sequence[ComponentRow], posts: Sequence[PostRow]) -> Verdict:
    """The public verdict over these components and open posts; hidden components don't count."""
    return verdict(
        [component.status for component in components if component.visible],
        [OpenPost(post.kind, post.status, post.impact, post.names_visible_component) for post in posts],
    )
