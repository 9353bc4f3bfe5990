"""A page's accent color on top of the default design."""

from app.guard.contrast import readable_on

LIGHT_PAPER, DARK_PAPER, DARK_RAISED = "#fbfaf7", "#151412", "#1e1d1a"
INK_ON_DARK_ACCENT = "#12151a"


def style(accent: str) -> str:
    """Style that lays `accent` ("#rrggbb"; "" for the house's own) over the tokens, readable in light and dark."""
    if not accent:
        return ""
    light = readable_on(readable_on(accent, LIGHT_PAPER), "#ffffff")
    dark = readable_on(readable_on(accent, DARK_RAISED), INK_ON_DARK_ACCENT)
    return (
        f"\n:root{{--accent:{light};--on-accent:#ffffff}}\n@media screen and (prefers-color-scheme:dark){{"
        f":root{{--accent:{dark};--on-accent:{INK_ON_DARK_ACCENT}}}}}\n"
    )
