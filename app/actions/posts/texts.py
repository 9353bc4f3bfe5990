"""The titles of posts and the texts of updates in languages other than the page's own.

The texts in the page's own language are in the post and the update themselves, and are what readers of a language
without a text of its own get.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.posts import validation
from app.errors import Invalid
from app.inputs.fields import refuse_own
from app.models.page import Page
from app.models.post import Post, PostRevision, PostText, Update, UpdateRevision, UpdateText
from app.text import markdown_to_html
from app.vocabulary import Language

Titled = Mapping[str, tuple[str, str]]
"""Title and body, by language."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What became of an update's texts: whether any changed, and whether one that readers had is different now."""

    has_changed: bool = False
    is_visible: bool = False


def read_titled(texts: Titled) -> dict[str, tuple[str, str]]:
    """The titles and texts of a new post, cleaned; a language that says nothing is left out.

    Raises:
        Invalid: a language has a title without a text, or a text without a title; or one can't be accepted.
    """
    return {
        language: (_read(language, validation.read_title, title), _read(language, validation.read_body, body))
        for language, (title, body) in texts.items()
        if title.strip() or body.strip()
    }


def read_titles(titles: Mapping[str, str]) -> dict[str, str]:
    """The titles, cleaned.  Raises Invalid."""
    return {language: _read(language, validation.read_title, title) for language, title in titles.items()}


def read_bodies(bodies: Mapping[str, str]) -> dict[str, str]:
    """The texts of an update, cleaned.  Raises Invalid."""
    return {language: _read(language, validation.read_body, body) for language, body in bodies.items()}


def check_known(languages: Iterable[str]) -> None:
    """Raises Invalid when Candor doesn't speak one of these languages."""
    for language in languages:
        if language not in set(Language):
            raise Invalid.field("texts", f"{language} isn't one of the languages {', '.join(Language)}.")


def check_languages(page: Page, languages: Iterable[str]) -> None:
    """Raises Invalid when one of these is the page's own language, or none that Candor speaks."""
    languages = list(languages)
    check_known(languages)
    refuse_own(languages, page.locale)


def add(session: Session, post: Post, update: Update, texts: Titled) -> None:
    """Give a new post and its first update their texts in other languages."""
    session.add_all(PostText(post_id=post.id, language=one, title=title) for one, (title, _) in texts.items())
    add_bodies(session, update, {one: body for one, (_, body) in texts.items()})


def add_bodies(session: Session, update: Update, bodies: Mapping[str, str]) -> None:
    """Give a new update its texts in other languages."""
    session.add_all(
        UpdateText(update_id=update.id, language=language, body=body, body_html=markdown_to_html(body))
        for language, body in bodies.items()
    )


def set_titles(
    session: Session, actor_name: str, post: Post, titles: Mapping[str, str], *, is_retitled: bool, at: datetime
) -> bool:
    """Change a post's titles, and keep what they were; whether any changed.

    When the title in the page's own language `is_retitled`, one in another language that isn't given again would still
    say what was corrected: it goes, and its readers get the page's.
    """
    if not (titles or is_retitled):
        return False
    held = {row.language: row for row in of_post(session, post)}
    left = {language: title for language, title in titles.items() if language not in held}
    session.add_all(PostText(post_id=post.id, language=language, title=title) for language, title in left.items())
    replaced = [row for row in held.values() if _is_replaced(row.title, titles.get(row.language), is_retitled)]
    for row in replaced:
        session.add(
            PostRevision(
                post_id=post.id, language=row.language, title=row.title, replaced_at=at, replaced_by=actor_name
            )
        )
        if row.language in titles:
            row.title = titles[row.language]
        else:
            session.delete(row)
    session.flush()
    return bool(left or replaced)


def correct(
    session: Session, actor_name: str, update: Update, bodies: Mapping[str, str], *, is_reworded: bool, at: datetime
) -> Correction:
    """Change an update's texts in other languages, and keep what they were, as `set_titles` does with titles."""
    if not (bodies or is_reworded):
        return Correction()
    held = {row.language: row for row in of_updates(session, [update.id])}
    left = {language: body for language, body in bodies.items() if language not in held}
    add_bodies(session, update, left)
    replaced = [row for row in held.values() if _is_replaced(row.body, bodies.get(row.language), is_reworded)]
    for row in replaced:
        session.add(
            UpdateRevision(
                update_id=update.id,
                language=row.language,
                body=row.body,
                body_html=row.body_html,
                replaced_at=at,
                replaced_by=actor_name,
            )
        )
        if row.language in bodies:
            row.body, row.body_html = bodies[row.language], markdown_to_html(bodies[row.language])
        else:
            session.delete(row)
    session.flush()
    return Correction(has_changed=bool(left or replaced), is_visible=bool(replaced))


def of_post(session: Session, post: Post) -> Sequence[PostText]:
    """The post's titles in other languages."""
    return session.scalars(select(PostText).where(PostText.post_id == post.id)).all()


def of_updates(session: Session, update_ids: Sequence[int]) -> Sequence[UpdateText]:
    """The texts of these updates in other languages."""
    return session.scalars(select(UpdateText).where(UpdateText.update_id.in_(update_ids))).all()


def _is_replaced(former: str, given: str | None, is_replaced_whole: bool) -> bool:
    return is_replaced_whole if given is None else given != former


def _read(language: str, read: Callable[[str], str], raw: str) -> str:
    try:
        return read(raw)
    except Invalid as error:
        raise Invalid.field("texts", f"{language}: {error.sentence}") from None
