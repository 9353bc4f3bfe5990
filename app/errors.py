"""The domain's errors, as values that carry data.  `app.web.problems` turns them into HTTP."""

from collections.abc import Mapping


class CandorError(Exception):
    """The root of the domain's errors.

    `sentence` is plain English that says what to do; it is safe to show to the person who caused the error.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Invalid(CandorError):
    """The input is invalid.  `fields` maps a field's name to the sentence shown beside it."""

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.fields: dict[str, str] = dict(fields or {})

    @classmethod
    def field(cls, name: str, sentence: str) -> "Invalid":
        """An error about one field."""
        return cls(sentence, {name: sentence})


class NotFound(CandorError):
    """It doesn't exist, or belongs to another page."""


class Forbidden(CandorError):
    """The caller isn't authenticated, or isn't allowed to do this."""


class NotAllowed(Forbidden):
    """The actor's role isn't enough: the sentence says which one it takes."""


class Stale(CandorError):
    """Someone changed it since the form was opened.  `current` is the present content, `yours` what was sent."""

    def __init__(self, sentence: str, *, current: str, yours: str) -> None:
        super().__init__(sentence)
        self.current = current
        self.yours = yours


class Conflict(CandorError):
    """The thing isn't in a state in which this can be done, or it exists already."""


class KeyUsed(Conflict):
    """The idempotency key published something else before.  Nothing was published now."""


class NeedsConfirmation(CandorError):
    """A guard stopped the text: it looks like a leak.  `findings` says what; saying "publish anyway" passes."""

    BY_FIELD = "send it again with acknowledged set to true"
    BY_OPTION = "run it again with --publish-anyway"
    """How programs and people at a shell confirm it."""

    def __init__(self, sentence: str, findings: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.findings = findings


class TooMany(CandorError):
    """A limit was reached.  `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unavailable(CandorError):
    """The database can't be reached or is locked; nothing was changed.  Trying again can help."""


class SettingError(CandorError):
    """A setting is wrong; the start stops with this one line."""


class DeliveryError(CandorError):
    """A message wasn't sent.  `permanent` says that trying again can't help; `retry_after` is in seconds."""

    def __init__(self, sentence: str, *, permanent: bool, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.retry_after = retry_after
