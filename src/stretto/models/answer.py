"""From a model's text to a typed value. What does not fit is a failed attempt, never a repaired result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stretto.errors import UnreadableAnswerError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from stretto.models.contract import AnswerT

__all__ = ["excerpt", "parse_answer"]

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n```\s*\Z", re.DOTALL)
_SHOWN = 200


def parse_answer(text: str, answer: type[AnswerT], model: str) -> AnswerT:
    """`text` as a value of `answer`; one Markdown fence around it is taken off.

    Raises `UnreadableAnswerError` saying what was wrong and how the text began.
    """
    from pydantic import ValidationError  # loaded with the caller's `answer` anyway

    fenced = _FENCED.match(text)
    try:
        return answer.model_validate_json(fenced[1] if fenced else text)
    except ValidationError as error:
        raise UnreadableAnswerError(
            f"{model} did not answer with a {answer.__name__}: {_problems(error)}. "
            f"The answer began: {excerpt(text)}"
        ) from error


def excerpt(text: str) -> str:
    """The first 200 characters of `text`, quoted, on one line."""
    start = " ".join(text[:_SHOWN].split())
    return repr(f"{start}…" if len(text) > _SHOWN else start)


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(str(part) for part in each['loc']) or 'the whole'}: {each['msg']}" for each in found[:3]
    ]
    more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
    return "; ".join(told) + more
