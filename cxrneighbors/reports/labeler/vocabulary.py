"""The names under which findings are counted."""

from __future__ import annotations

NO_FINDING = "No Finding"
STATUSES = ("present", "uncertain", "absent")  # the strongest first: of several mentions the strongest counts
SIDES = ("left", "right", "bilateral")
CHANGES = ("new", "worsened", "improved", "unchanged", "resolved", "recurrent")
