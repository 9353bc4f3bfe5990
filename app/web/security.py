"""Security headers, and the accepted host names."""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from app.publish.addresses import LOCAL_HOSTS, base_path, host_of
from app.publish.serve import IS_OWN_HOST, PAGE, AddressBook, Application, lead
from app.settings import Settings

ASKED_BY_NUMBER = frozenset({"probes.healthz", "probes.readyz", "probes.metrics"})
"""What machines ask of a single process, by its IP address, whatever the names are."""

OF_THE_INSTALLATION = frozenset({"account", "admin", "auth", "board", "console", "home"})
"""The rooms that no page's own address has."""

LARGEST_BODY = 1_000_000
LARGER_BODIES = {
    "console.import_subscribers_sheet": 30_000_000, "api.import_sheet": 30_000_000,
    "api.import_documents": 50_000_000, "api.take_archive": 500_000_000,
}  # fmt: skip
YEAR_SECONDS = 31_536_000
UNKNOWN_HOST = (
    '<!doctype html><html lang="en"><head><title>Unknown address</title></head><body><h1>Unknown address</h1>'
    "<p>Candor isn't configured for this host name. Use the address in BASE_URL, or add the name to TRUSTED_HOSTS.</p>"
    "</body></html>"
)
"""Without links or styles: an address that can't be read can't be built upon."""


class SessionAtItsPlace(SecureCookieSessionInterface):
    """The session's cookie, for no more than what is below the base of the address that was asked for.

    A name with `__Host-` is only taken for a whole host; below a path there is `__Secure-`.
    """

    def get_cookie_name(self, app: Flask) -> str:
        if not app.config["SESSION_COOKIE_SECURE"]:
            return "candor"
        return "__Secure-candor" if request.script_root else "__Host-candor"

    def get_cookie_path(self, app: Flask) -> str:
        return request.script_root or "/"


class _Led:
    """WSGI: finds the page that a request leads to, unless the snapshot server has done so."""

    def __init__(self, app: Application, book: AddressBook) -> None:
        self._app, self._book = app, book

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if PAGE not in environ:
            lead(environ, self._book.find(environ))
        return self._app(environ, start_response)


def install(app: Flask) -> None:
    """Configure cookies, limits, proxies, hosts and headers.  `CSP_STYLE_HASHES` holds extra style hashes."""
    settings: Settings = app.config["SETTINGS"]
    app.config.update(
        SESSION_COOKIE_SECURE=settings.is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: an outage outlasts an hour
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY,
    )
    app.session_interface = SessionAtItsPlace()
    app.config.setdefault("CSP_STYLE_HASHES", [])
    vars(app)["wsgi_app"] = _Led(app.wsgi_app, AddressBook(settings.public_root, settings.base_url))
    if settings.trusted_proxies:
        proxies = settings.trusted_proxies
        vars(app)["wsgi_app"] = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)
    app.before_request(_known_host)
    app.before_request(_known_place)
    app.before_request(_larger_body)
    app.after_request(_headers)


def extra_style_hashes(app: Flask, *hashes: str) -> None:
    """Allow constant inline styles, such as the mail's in a preview; each is like `sha256-…`."""
    kept: list[str] = app.config.setdefault("CSP_STYLE_HASHES", [])
    kept.extend(value for value in hashes if value not in kept)


def policy(hashes: list[str]) -> str:
    """The Content-Security-Policy: only this origin's own files, nothing inline but the named styles."""
    styles = " ".join(["'self'", *(f"'{value}'" for value in hashes)])
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self' data:; connect-src 'self'; "
        "manifest-src 'self'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def trusted(settings: Settings) -> frozenset[str]:
    """The host names this installation answers to, without port."""
    own = urlsplit(settings.base_url).hostname or "localhost"
    return LOCAL_HOSTS | {own} | {host.strip("[]") for host in settings.trusted_hosts}


def _known_host() -> Response | None:
    host = _host()
    if host in trusted(current_app.config["SETTINGS"]) or request.environ.get(IS_OWN_HOST):
        return None
    if request.endpoint in ASKED_BY_NUMBER and _is_number(host):
        return None
    return Response(UNKNOWN_HOST, 400, mimetype="text/html")


def _known_place() -> None:
    """What belongs to the installation is at its own address alone: one place to sign in, and one cookie for it."""
    if request.blueprint not in OF_THE_INSTALLATION:
        return
    settings: Settings = current_app.config["SETTINGS"]
    if request.script_root != base_path(settings.base_url) or _host() not in trusted(settings):
        raise NotFound


def _host() -> str:
    try:
        return host_of(request.host)
    except HTTPException:
        return ""


def _is_number(host: str) -> bool:
    """Whether a host is an IP address: no name can be made to lead here (DNS rebinding) that is one."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _larger_body() -> None:
    """A sheet or an archive may be longer than any form.  Set before anything reads the body."""
    if request.endpoint in LARGER_BODIES:
        request.max_content_length = LARGER_BODIES[request.endpoint]


def _headers(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = policy(current_app.config["CSP_STYLE_HASHES"])
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["X-Robots-Tag"] = "noindex"
    if current_app.config["SETTINGS"].is_https:
        headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    return response
