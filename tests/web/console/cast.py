"""The cast, signed in through the front door."""

import re

from flask import Flask

from app.actions.accounts.accounts import create_account
from app.shapes import SYSTEM
from app.vocabulary import Role
from tests.web.console.person import Browser, Person

PASSWORD = "correct horse battery staple"
CAST = {
    "alice": ("Alice Admin", Role.ADMIN),
    "lena": ("Lena Lead", Role.LEAD),
    "ravi": ("Ravi Responder", Role.RESPONDER),
    "vera": ("Vera Viewer", Role.VIEWER),
}


def sign_in(app: Flask, who: str) -> Person:
    """One of the cast, with an account made and signed in."""
    name, role = CAST[who]
    create_account(SYSTEM, email=f"{who}@example.com", name=name, password=PASSWORD, role=role)
    client = Browser(app.test_client())
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/sign-in").text)
    data = {"email": f"{who}@example.com", "password": PASSWORD, "csrf_token": token[1] if token else ""}
    assert client.post("/sign-in", data=data).status_code == 303
    return Person(client)
