"""The transitions of each component through a post."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.publish.views import EffectView, PostView, Snapshot
from app.vocabulary import ComponentStatus


def component_moves(post: PostView) -> list[tuple[EffectView, list[tuple[datetime, ComponentStatus]]]]:
    """When each component, by its name, went where, oldest first, with the first effect on it; those that never moved
    are left out.
    """
    found: dict[str, tuple[EffectView, list[tuple[datetime, ComponentStatus]]]] = {}
    for update in reversed(post.updates):
        for effect in update.effects:
            _, steps = found.setdefault(effect.name, (effect, []))
            if not effect.is_same and (not steps or steps[-1][1] is not effect.to_status):
                steps.append((update.display_at, effect.to_status))
    return [(effect, steps) for effect, steps in found.values() if steps]


def touched_components(post: PostView, names: Mapping[str, str]) -> Sequence[str]:
    """The names of the visible components that a post is about, as they are called today."""
    return [names[key] for key in post.component_ids if key in names]


def component_names(snapshot: Snapshot) -> dict[str, str]:
    """The visible components' names by public id."""
    return {component.public_id: component.name for component in snapshot.components}
