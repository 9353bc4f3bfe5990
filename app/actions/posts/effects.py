"""An update's effects on components, applied in the update's transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import Invalid
from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.post import Post, PostComponent, Update, UpdateEffect
from app.shapes import ComponentEffect
from app.vocabulary import IMPACT_OF_COMPONENT, ComponentStatus, Impact, PostKind, PostStatus


def find_components(session: Session, page_id: int, effects: Sequence[ComponentEffect]) -> dict[str, Component]:
    """The page's components that `effects` name, by public id.

    Raises:
        Invalid: one is named twice, or isn't this page's.
    """
    names = [effect.component_id for effect in effects]
    if len(set(names)) != len(names):
        raise Invalid.field("components", "A component is listed twice. List each component once.")
    rows = session.scalars(
        select(Component)
        .where(Component.page_id == page_id, Component.public_id.in_(names), Component.archived_at.is_(None))
        .with_for_update()
    )
    found = {component.public_id: component for component in rows}
    missing = [name for name in names if name not in found]
    if missing:
        raise Invalid.field("components", "One of the components doesn't exist on this page. Choose another.")
    return found


def with_defaults(
    session: Session, post: Post, status: PostStatus, effects: Sequence[ComponentEffect]
) -> tuple[ComponentEffect, ...]:
    """The author's effects and, for a maintenance that starts or ends, those that follow automatically."""
    if post.kind != PostKind.MAINTENANCE:
        return tuple(effects)
    named = {effect.component_id for effect in effects}
    rows = session.execute(
        select(Component.public_id, Component.status)
        .join(PostComponent, PostComponent.component_id == Component.id)
        .where(PostComponent.post_id == post.id, Component.archived_at.is_(None))
    )
    moves = {
        PostStatus.IN_PROGRESS: (ComponentStatus.OPERATIONAL, ComponentStatus.UNDER_MAINTENANCE),
        PostStatus.COMPLETED: (ComponentStatus.UNDER_MAINTENANCE, ComponentStatus.OPERATIONAL),
        PostStatus.CANCELLED: (ComponentStatus.UNDER_MAINTENANCE, ComponentStatus.OPERATIONAL),
    }
    before, after = moves.get(status, (None, None))
    follow = tuple(
        ComponentEffect(component_id, after)
        for component_id, current in rows
        if after is not None and current == before and component_id not in named
    )
    return (*effects, *follow)


def apply(session: Session, post: Post, update: Update, effects: Sequence[ComponentEffect]) -> None:
    """Record what `update` does to each component and do it.  A maintenance that is only scheduled does nothing yet."""
    effects = with_defaults(session, post, PostStatus(update.status), effects)
    components = find_components(session, post.page_id, effects)
    known = set(session.scalars(select(PostComponent.component_id).where(PostComponent.post_id == post.id)))
    names = _full_names(session, components)
    for effect in effects:
        component = components[effect.component_id]
        before = component.status
        after = effect.status or before
        after = before if update.status == PostStatus.SCHEDULED else after
        session.add(
            UpdateEffect(
                update_id=update.id,
                component_id=component.id,
                name=names[component.public_id],
                from_status=before,
                to_status=after,
            )
        )
        change_status(session, component, after, by_kind="update", by_ref=update.public_id)
        if component.id not in known:
            session.add(PostComponent(post_id=post.id, component_id=component.id))
    session.flush()


def set_components(session: Session, post: Post, public_ids: Sequence[str]) -> bool:
    """Have the post be about these components and no others; whether anything changed.

    Their status stays, but for one that maintenance leaves while it is under way: nothing else would end that.
    One that was put away meanwhile stays, because no one can name it any more.  Raises Invalid as `find_components`.
    """
    found = find_components(session, post.page_id, [ComponentEffect(one, None) for one in public_ids])
    wanted = {component.id for component in found.values()}
    held = session.scalars(
        select(PostComponent)
        .join(Component, Component.id == PostComponent.component_id)
        .where(PostComponent.post_id == post.id, Component.archived_at.is_(None))
    ).all()
    left = [link for link in held if link.component_id not in wanted]
    if post.kind == PostKind.MAINTENANCE and post.closed_at is None and post.status != PostStatus.SCHEDULED:
        _end_maintenance(session, post, [link.component_id for link in left])
    for link in left:
        session.delete(link)
    new = wanted - {link.component_id for link in held}
    session.add_all(PostComponent(post_id=post.id, component_id=one) for one in sorted(new))
    session.flush()
    return wanted != {link.component_id for link in held}


def _end_maintenance(session: Session, post: Post, component_ids: Sequence[int]) -> None:
    under = Component.status == ComponentStatus.UNDER_MAINTENANCE
    for component in session.scalars(select(Component).where(Component.id.in_(component_ids), under)):
        change_status(session, component, ComponentStatus.OPERATIONAL, by_kind="post", by_ref=post.public_id)


def change_status(
    session: Session, component: Component, status: ComponentStatus, *, by_kind: str, by_ref: str
) -> bool:
    """Set a component's status and write the change that uptime is counted from; whether anything changed."""
    if component.status == status:
        return False
    at = now()
    session.add(
        ComponentChange(
            component_id=component.id,
            from_status=component.status,
            to_status=status,
            at=at,
            by_kind=by_kind,
            by_ref=by_ref,
        )
    )
    component.status = status
    component.updated_at = at
    return True


def computed_impact(kind: PostKind, effects: Sequence[ComponentEffect], at_least: Impact = Impact.NONE) -> Impact:
    """The impact that follows from what happens to components; never less than what the post had."""
    if kind is PostKind.MAINTENANCE:
        return Impact.MAINTENANCE
    impacts = [IMPACT_OF_COMPONENT[effect.status] for effect in effects if effect.status is not None]
    return max([at_least, *impacts], key=lambda impact: impact.rank)


def _full_names(session: Session, components: Mapping[str, Component]) -> dict[str, str]:
    group_ids = {component.group_id for component in components.values() if component.group_id}
    groups: dict[int, str] = {}
    if group_ids:
        rows = session.execute(select(ComponentGroup.id, ComponentGroup.name).where(ComponentGroup.id.in_(group_ids)))
        groups = {row.id: row.name for row in rows}
    return {
        public_id: f"{groups[component.group_id]} - {component.name}" if component.group_id else component.name
        for public_id, component in components.items()
    }
