"""The console's blueprint, in a module of its own so that every screen can register routes on it."""

from flask import Blueprint

from app.web.pages import name_page

blueprint = Blueprint("console", __name__, url_prefix="/console/<page:page_slug>")
name_page(blueprint)
