"""The channels that a rule of the house is about by name, such as mail that bounces.

A new channel isn't listed here: what is known of it is in its own module, and `app.channels.registry` finds it.
"""

EMAIL = "email"
SMS = "sms"
CHAT = "chat"
WEBHOOK = "webhook"
PUSH = "push"
