"""Mail in narrow and dark windows: nothing sticks out, whatever was written, and everything can be read."""

from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.db import session
from app.guard.contrast import contrast
from app.models.post import Update
from app.publish import letter
from app.publish.snapshot import read_page
from app.settings import Settings
from app.shapes import ComponentEffect
from app.vocabulary import ComponentStatus, NoticeKind
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.database, pytest.mark.browser]
BODY = f"""{"https://long.example/" + "path/" * 60}

`{"x" * 300}`

{"Lebensversicherungsgesellschaftsangestellter " * 6}

| Region | {"W" * 60} |
|---|---|
| {"eu-central-1 " * 8}| {"y" * 90} |

```
{"z" * 200}
```

> انقطاع في الخدمة
"""
WIDEST = """() => {
  const seen = [...document.querySelectorAll("h1, p, li, strong, a, code")].filter((one) => one.innerText.trim());
  const paper = (one) => {
    for (; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
  };
  return {
    width: document.documentElement.scrollWidth,
    inks: [...new Set(seen.map((one) => `${getComputedStyle(one).color}|${paper(one)}`))],
  };
}"""


def colored(said: str) -> str:
    """ "rgb(29, 28, 26)" as "#1d1c1a"."""
    return "#" + "".join(f"{int(part):02x}" for part in said[4:-1].split(","))


def test_every_mail_fits_and_can_be_read(app: Flask, settings: Settings, page_id: int, browser: "Browser") -> None:
    effects = tuple(ComponentEffect(make_component(page_id, f"{kind} {'W' * 60}"), kind) for kind in ComponentStatus)
    open_post(settings, LENA, page_id, draft(title="Donaudampfschiff" * 12, body=BODY, effects=effects[:5]))
    session().rollback()
    update_id = session().scalars(select(Update.id)).one()
    page = read_page(session(), page_id)
    mails = [letter.word(settings, letter.read_words(session(), update_id), "email").html]
    mails += [letter.confirmation(settings, page, "email", kind).html for kind in NoticeKind]
    for scheme in ("light", "dark"):
        for width in (320, 390, 800):
            window = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)  # type: ignore[arg-type]
            for mail in mails:
                window.set_content(mail)
                found = window.evaluate(WIDEST)
                assert found["width"] == width
                for pair in found["inks"]:
                    ink, paper = map(colored, pair.split("|"))
                    assert contrast(ink, paper) >= 4.5, f"{ink} on {paper} in {scheme}"
            window.close()
