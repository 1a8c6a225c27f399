"""What colours mean in every picture of an explanation: orange speaks for the target, blue against it.

After Okabe and Ito (2008): told apart with any colour vision, and in grey by which is marked.
"""

from __future__ import annotations

FOR, AGAINST = (0.835, 0.369, 0.0), (0.0, 0.447, 0.698)
LESION = (0.941, 0.894, 0.259)  # yellow: where the finding is known to be
# From against to for; zero is white, not grey.
HEAT = ("#03304f", "#0072b2", "#a3cde8", "#ffffff", "#fbc79b", "#d55e00", "#6b2b00")
