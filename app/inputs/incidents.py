"""Internal incidents, as people send them."""

from typing import Annotated

from app.inputs.base import Input
from app.inputs.fields import Choice, Id, Prose
from app.shapes import RecordLinkDraft
from app.vocabulary import IncidentRoleName, Severity

TITLE_LIMIT = 200
PERSON_LIMIT = 100
URL_LIMIT = 2_000
KEY_LIMIT = 200
SEVERITY_SENTENCE = "Choose a severity: P0, P1, P2 or P3."
ROLE_SENTENCE = f"Choose a role: {', '.join(role.label for role in IncidentRoleName)}."


class IncidentInput(Input):
    """An incident that no public update speaks for yet."""

    title: Annotated[str, Prose("The title", TITLE_LIMIT, example="Checkout fails in Europe")]
    """What happens, in internal words. It is never public."""
    severity: Annotated[Severity, Choice(tuple(Severity), SEVERITY_SENTENCE)]
    """How severe it is."""
    record_url: Annotated[str, Prose("The record's address", URL_LIMIT, is_required=False)] = ""
    """Where its record is in a tracker."""
    record_key: Annotated[str, Prose("The record's key", KEY_LIMIT, is_required=False)] = ""
    """The record's key. Read from the address when it is left out."""

    @property
    def links(self) -> tuple[RecordLinkDraft, ...]:
        """The record that it has from the start, if one was named."""
        if not (self.record_url or self.record_key):
            return ()
        return (RecordLinkDraft(key=self.record_key, url=self.record_url),)


class IncidentRoleInput(Input):
    """Who does what in an incident from now on; no one when neither an account nor a name is given."""

    role: Annotated[IncidentRoleName, Choice(tuple(IncidentRoleName), ROLE_SENTENCE)]
    """What they do."""
    account: Id = ""
    """The account, by its id."""
    person: Annotated[str, Prose("The name", PERSON_LIMIT, is_required=False)] = ""
    """The name of someone without an account."""
