import pytest

from app.shapes import ComponentEffect, PostDraft
from app.vocabulary import ComponentStatus, PostKind, PostStatus
from tests.deliver.fakes import Edge


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Every channel's outside, replaced by one programmable edge."""
    made = Edge()
    monkeypatch.setattr("app.deliver.send.channel", lambda _name: made)
    return made


def draft(key: str = "key-00000001", *component_ids: str, **changes: object) -> PostDraft:
    """A post about these components, all degraded."""
    fields: dict[str, object] = {
        "kind": PostKind.INCIDENT,
        "title": "Slow answers",
        "status": PostStatus.INVESTIGATING,
        "body": "We are looking into it.",
        "idempotency_key": key,
        "effects": tuple(ComponentEffect(c, ComponentStatus.DEGRADED_PERFORMANCE) for c in component_ids),
    }
    return PostDraft(**{**fields, **changes})  # type: ignore[arg-type]
