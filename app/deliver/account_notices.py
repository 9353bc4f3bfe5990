"""Notices to people with an account: the last look before one leaves, and its words."""

import hmac
import json
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import return_path
from app.channels.base import Wording
from app.channels.registry import channel as channel_named
from app.deliver import audience, sms_rules
from app.deliver.addressing import Addressed
from app.deliver.ledger import Claim
from app.guard.sms_length import fit
from app.models.account import Account
from app.models.account_contact import AccountContact, AccountNotice
from app.models.subscriber import Suppression
from app.publish.environment import TEMPLATES, environment
from app.publish.line_wrapping import fold
from app.publish.phrases import speaking
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.states.account_contacts import DEACTIVATED, REMOVED
from app.states.subscribers import NO_SUCH_ADDRESS, UNSUBSCRIBED, address_hash
from app.text import header_safe
from app.vocabulary import AccountNoticeKind, DeliveryState, Language

NOT_VERIFIED = "the contact is not verified"
CODE_DIGITS = 8
NAME = "Candor"
STYLE = (TEMPLATES / "messages" / "style.css").read_text("utf-8")
CODE_SUBJECT = "Verify this contact"
CODE_LINE = "Your code is {code}. Enter it under Account in the console within 24 hours."
NOT_YOU = "If you didn't add this contact, ignore this message."
OPEN = "Open"


def code_of(settings: Settings, contact: AccountContact) -> str:
    """The code that proves that notices reach a contact.  It is computed, so no backup holds one."""
    message = f"contact:{contact.public_id}:{contact.code_version}:{contact.address}".encode("utf-8", "surrogatepass")
    digest = hmac.digest(settings.secret_key.encode(), message, "sha256")
    return f"{int.from_bytes(digest[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def address_account_notice(
    session: Session, settings: Settings, claim: Claim, may_go: Callable[[], bool]
) -> tuple[Letter | None, Addressed]:
    """A claimed notice as a letter, and whom it goes to; the reason instead when it must not go any more.  Two queries,
    one more where texts are paid for.
    """
    notice = session.get_one(AccountNotice, claim.id)
    row = session.execute(
        select(AccountContact, Account.active)
        .join(Account, Account.id == AccountContact.account_id)
        .where(AccountContact.id == claim.recipient_id)
    ).first()
    if row is None:
        return None, _skipped(claim, REMOVED)
    contact, is_active = row
    reason = _reason(session, settings, notice, contact) if is_active else DEACTIVATED
    if reason:
        return None, _skipped(claim, reason)
    table = AccountNotice.__tablename__
    back = return_path.make(settings.secret_key, settings.bounce_address, table, claim.id)
    recipient = Recipient(
        delivery_id=claim.id,
        address=contact.address,
        key=f"{table}_{claim.id}",
        return_path=back if settings.bounce_address else "",
        may_go=may_go,
    )
    return _letter(settings, notice, contact), Addressed((recipient,), ())


def _skipped(claim: Claim, reason: str) -> Addressed:
    return Addressed((), (Outcome(claim.id, DeliveryState.SKIPPED, reason),))


def _reason(session: Session, settings: Settings, notice: AccountNotice, contact: AccountContact) -> str:
    """Why a notice must not be sent; empty when it may.

    Who unsubscribed from a page's updates is still a colleague: only what holds for every message counts here.
    """
    is_verification = notice.kind is AccountNoticeKind.VERIFY_CONTACT
    if contact.verified_at is None and not is_verification:
        return NOT_VERIFIED
    why = session.scalar(
        select(Suppression.why).where(
            Suppression.channel == contact.channel,
            Suppression.address_hash == address_hash(settings, contact.channel, contact.address),
        )
    )
    if why and why not in ((UNSUBSCRIBED, NO_SUCH_ADDRESS) if is_verification else (UNSUBSCRIBED,)):
        return audience.SUPPRESSED
    if channel_named(contact.channel).costs_money and sms_rules.is_spent(session, settings):
        return sms_rules.BUDGET_SPENT
    return ""


def _letter(settings: Settings, notice: AccountNotice, contact: AccountContact) -> Letter:
    """The words of a notice in the form that its channel takes.  The console is in English, and so are they."""
    subject, paragraphs = notice.subject, [line for line in notice.body.split("\n\n") if line]
    if notice.kind is AccountNoticeKind.VERIFY_CONTACT:
        paragraphs = [CODE_LINE.format(code=code_of(settings, contact)), NOT_YOU]
    url = f"{settings.base_url}{notice.path}" if notice.path else ""
    wording = channel_named(notice.channel).wording
    if wording is Wording.SMS:
        said = paragraphs[0] if notice.kind is AccountNoticeKind.VERIFY_CONTACT else subject
        return Letter(notice.channel, "", fit(f"{NAME}: {said}", url) if url else f"{NAME}: {said}")
    text = "\n\n".join([*paragraphs, *([url] if url else [])])
    if wording is Wording.CHAT:
        return Letter(notice.channel, header_safe(f"{NAME}: {subject}"), f"**{subject}**\n\n{text}")
    if wording is Wording.EMAIL:
        context = {"page": {"name": NAME}, "subject": subject, "paragraphs": paragraphs, "url": url, "open": OPEN}
        with speaking(Language.ENGLISH):
            html = environment().get_template("messages/account.html").render(context, style=STYLE)
        folded = "\n\n".join([*(fold(one) for one in paragraphs), *([url] if url else [])])
        return Letter(
            channel=notice.channel,
            subject=header_safe(f"[{NAME}] {subject}"),
            text=folded + "\n",
            html=html,
            sender=settings.mail_from,
        )
    shown = {"title": f"{NAME}: {subject}", "body": "\n".join(paragraphs), "url": url, "tag": str(notice.id)}
    payload = json.dumps(shown, ensure_ascii=False).encode()
    return Letter(notice.channel, header_safe(subject), text, payload=payload)
