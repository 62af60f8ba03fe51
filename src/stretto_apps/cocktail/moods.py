"""What a mood asks for, in flavors: a small table of words, and every flavor's own name."""

from __future__ import annotations

import re

from stretto_apps.cocktail.bar import FLAVORS, plain

__all__ = ["wanted_flavors"]

# flavors -> words that ask for them, as stems
_ASKING = {
    ("refreshing", "citrus", "sparkling"): "summer hot sun beach afternoon thirst light fresh cool",
    ("tropical", "fruity"): "holiday vacation island tiki pool exotic",
    ("warming", "creamy", "spicy"): "winter cold snow cozy cosy fireplace blanket",
    ("strong", "rich"): "evening late serious bold jazz whiskey nightcap",
    ("sparkling", "floral"): "celebrat party birthday anniversary wedding toast festive",
    ("coffee", "rich"): "tired sleepy awake morning brunch energy",
    ("bitter", "herbal", "dry"): "aperitif dinner grown-up adult elegant sophisticated appetite",
    ("sweet", "creamy", "chocolate"): "dessert comfort indulg treat candy",
    ("floral", "fruity"): "romantic date spring gentle soft",
    ("smoky", "spicy", "savory"): "adventur wild campfire barbecue fire",
    ("minty", "herbal", "refreshing"): "garden green picnic",
    ("sour", "citrus"): "tart sharp crisp zesty lemon lime",
}


def wanted_flavors(mood: str) -> frozenset[str]:
    """The flavors a mood asks for. A word counts when it begins like one of the table's, or names a flavor."""
    words = re.findall(r"[a-z-]+", plain(mood))
    found = {flavor for flavor in FLAVORS if any(word.startswith(flavor[:5]) for word in words)}
    for flavors, stems in _ASKING.items():
        if any(word.startswith(stem) for stem in stems.split() for word in words):
            found.update(flavors)
    return frozenset(found)
