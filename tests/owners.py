"""Who asks the API in tests that have no connection, because the application is in the process."""

import os

from app.api.security.owner import Owner

OWN_USER = Owner(user_of=lambda _: os.geteuid())
"""Every request comes from the user of this process."""
