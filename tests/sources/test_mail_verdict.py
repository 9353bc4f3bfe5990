"""One verdict over code, text and the provider's own category."""

import pytest

from app.mail_verdict import MailVerdict, verdict

GONE, FULL, POLICY, BLOCKED, TIME_OUT, UNKNOWN = MailVerdict


@pytest.mark.parametrize(
    ("code", "text", "hint", "expected"),
    [
        ("5.1.1", "", None, GONE),
        ("5.1.1", "550 5.1.1 <a@example.net>: user unknown", None, GONE),
        ("5.0.0", "550 no such user here", None, GONE),
        ("", "550 5.1.1 The email account that you tried to reach does not exist", None, GONE),
        ("5.1.10", "RESOLVER.ADR.RecipientNotFound; not found", None, GONE),
        ("", "", GONE, GONE),
        ("5.1.1", "mailbox is full", None, FULL),
        ("5.1.1", "552 over quota", None, FULL),
        ("5.0.0", "552 Mailbox over quota", None, FULL),
        ("5.0.0", "550 5.7.1 IP address blacklisted by recipient", None, BLOCKED),
        ("5.0.0", "554 5.6.0 scored as spam", None, POLICY),
        ("5.1.1", "550 5.1.1 rejected by SPF policy", None, POLICY),
        ("5.1.1", "user unknown", FULL, FULL),
        ("5.1.7", "sender unknown", None, POLICY),
        ("", "Too old", None, TIME_OUT),
        ("5.4.7", "", None, TIME_OUT),
        ("5.0.0", "", None, UNKNOWN),
        ("", "", None, UNKNOWN),
        ("", "550 host 192.5.1.1 said no", None, UNKNOWN),
        ("", "something else", None, UNKNOWN),
    ],
)
def test_only_what_is_plainly_about_the_address_counts_against_it(
    code: str, text: str, hint: MailVerdict | None, expected: MailVerdict
) -> None:
    assert verdict(code, text, hint) is expected
