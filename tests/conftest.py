"""Examples of properties are the same in every run; `RANDOM_EXAMPLES=1 make test` looks for new ones."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile("random" if os.environ.get("RANDOM_EXAMPLES") == "1" else "same")
