"""What flows between steps: isolated from its producer, written down exactly, compared by one canonical text.

`snapshot` and `copy_for_consumer` isolate, `encode` and `decode` write and read, `canonical` and `digest`
say what "the same" means, `equal` and `first_difference` compare. Nothing here imports pydantic or a user's
module.
"""

from stretto.core.values.atoms import DEPTH_LIMIT
from stretto.core.values.classes import class_name, classes_in
from stretto.core.values.comparing import equal, first_difference
from stretto.core.values.decoding import decode, decode_json
from stretto.core.values.encoding import encode, encode_json
from stretto.core.values.hashing import canonical, digest
from stretto.core.values.immutable import is_immutable
from stretto.core.values.missing import MISSING_REASONS, Missing, MissingReason
from stretto.core.values.snapshot import copy_for_consumer, snapshot

__all__ = [
    "DEPTH_LIMIT",
    "MISSING_REASONS",
    "Missing",
    "MissingReason",
    "canonical",
    "class_name",
    "classes_in",
    "copy_for_consumer",
    "decode",
    "decode_json",
    "digest",
    "encode",
    "encode_json",
    "equal",
    "first_difference",
    "is_immutable",
    "snapshot",
]
