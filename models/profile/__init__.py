"""The profile of one vehicle in one window: what was seen, where cameras could not have seen, and what else it may be.

Belongs here: facts of one vehicle, from the reads and the camera register and nothing else. Does not: who may look
(governance), how a page looks (governance.pages), or the score.
"""

from models.profile.build import build_profile, require_vehicle_key
from models.profile.faults import rows_set_apart
from models.profile.look_alikes import LookAlike, weigh_look_alikes
from models.profile.model import Faults, VehicleProfile

__all__ = [
    "Faults",
    "LookAlike",
    "VehicleProfile",
    "build_profile",
    "require_vehicle_key",
    "rows_set_apart",
    "weigh_look_alikes",
]
