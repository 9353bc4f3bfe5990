from flask import Flask
from sqlalchemy import select

from app.db import session
from app.models.page import Page
from tests.factories import make_page


def test_a_page_is_kept(app: Flask) -> None:
    make_page("Acme")
    assert session().scalars(select(Page.name)).all() == ["Acme"]
