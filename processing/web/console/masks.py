"""What the config of the customer who is signed in masks."""

from __future__ import annotations

from processing.web.console.visits import Visit
from processing.web.masks import Masks, masks_in


def masks_of(visit: Visit) -> Masks:
    """The columns whose values are masked."""
    return masks_in(visit.services.config_of(visit.customer).config)
