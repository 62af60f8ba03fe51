"""Rules that decide and do nothing: how failures are described, retried and answered by a run."""

from stretto.core.policy.failure import Cause, Failure, describe, failure_of
from stretto.core.policy.on_failure import OnFailure
from stretto.core.policy.on_lost import OnLost
from stretto.core.policy.retry import Retry, wait_before

__all__ = ["Cause", "Failure", "OnFailure", "OnLost", "Retry", "describe", "failure_of", "wait_before"]
