"""What a call to a model takes at most, before it is made."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.models.wire import Prices

__all__ = ["OUTPUT_UNDER_BUDGET", "most_of"]

OUTPUT_UNDER_BUDGET: Final = 4096
"""The tokens of a reply at most, in a run with a budget whose model was given no bound."""

_BYTES_A_TOKEN: Final = 3
"""English has four to five bytes a token, code and most other scripts three or more: rather too much is set aside."""


def most_of(body: Mapping[str, object], max_output: int, prices: Prices | None) -> tuple[int, float | None]:
    """Tokens and US dollars that a request of this body takes at most: its own tokens are estimated by its size, with
    all that frames its messages; those of the reply are bounded. The cost is None where prices are not known."""
    size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    asked = math.ceil(size / _BYTES_A_TOKEN)
    cost = None if prices is None else (asked * prices[0] + max_output * prices[1]) / 1_000_000
    return asked + max_output, cost
