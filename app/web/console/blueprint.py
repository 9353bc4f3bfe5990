"""The console's blueprint, on its own so that every screen can hang its routes on it."""

from flask import Blueprint

from app.web.pages import name_page

blueprint = Blueprint("console", __name__, url_prefix="/console/<page:page_slug>")
name_page(blueprint)
