"""The channels that rules refer to by name, such as email, which can bounce.

A new channel isn't listed here: what is known of it is in its own module, and `app.channels.registry` finds it.
"""

EMAIL = "email"
SMS = "sms"
CHAT = "chat"
WEBHOOK = "webhook"
PUSH = "push"
