"""Messages from the vocabulary and rules, which templates translate without spelling them out."""

from app.publish import words
from app.publish.verdict import ALL_WELL, OF_POSTS, RULES
from app.vocabulary import ComponentStatus, Impact, PostStatus


def labels() -> tuple[str, ...]:
    """Every word that a page may show and that is in no template, without repetition."""
    found = [one.label for kind in (ComponentStatus, PostStatus, Impact) for one in kind]
    found += [rule.verdict.text for rule in RULES] + [verdict.text for verdict in OF_POSTS.values()] + [ALL_WELL.text]
    found += [rule.when for rule in RULES]
    # what is said by the code: what a feed leads with, what a saved form answers, and how times are joined
    found += ["Update", "Saved. This applies from the next update.", "{date}, {time}", "{count} h", "{count} min"]
    found += [*words.KIND_WORDS.values(), *words.KIND_SENTENCES.values(), *words.NOTICE_SUBJECTS.values()]
    found += [words.ALREADY_SUBSCRIBED, *words.TEXT_NOTICES.values(), words.MANAGE_TEXTS, words.CANARY]
    return tuple(dict.fromkeys(found))


COUNTED = (("{count} day", "{count} days"),)
"""Messages that depend on a number, as (one, many)."""
