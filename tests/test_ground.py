import zoneinfo

import tzdata
from flask import Flask
from sqlalchemy import select

from app.db import session
from app.models.page import Page
from tests.factories import make_page


def test_the_rules_of_time_zones_are_the_packages_not_the_systems(app: Flask) -> None:
    assert zoneinfo.TZPATH == ()
    assert tzdata.IANA_VERSION and "Europe/Berlin" in zoneinfo.available_timezones()


def test_a_page_is_kept(app: Flask) -> None:
    make_page("Acme")
    assert session().scalars(select(Page.name)).all() == ["Acme"]
