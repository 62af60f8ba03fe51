"""`compose` answers a chat request from the data inside it, deterministically: the mind of the offline model.

It knows nothing of its own. Every statement restates the request's data; a figure that was asked for and is
not in the data is left out, so that the answer fails validation and no figure is ever invented.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stretto.models.answers import fill
from stretto.models.material import Material
from stretto.models.messages import question_of, request_digest
from stretto.models.prose import Length, Voice, prose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["compose"]


def compose(
    messages: Sequence[Mapping[str, object]], response_schema: Mapping[str, object] | None = None
) -> str:
    """The answer's text: prose, or with a schema the JSON of one value of it, as far as the data reach."""
    question = question_of(messages)
    voice = Voice(request_digest(messages, response_schema))
    if response_schema is None:
        return prose(Material.of(question.data), voice, Length.asked(question.task, Length()))
    answer = fill(response_schema, question.data, question.task, voice)
    return json.dumps(answer, ensure_ascii=False)
