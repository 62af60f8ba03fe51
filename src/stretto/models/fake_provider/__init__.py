"""A provider of replies for tests and demonstrations: a process of its own, and a real HTTP server.

It runs the offline model on each HTTP request alone. Reply and latency depend on the seed and the request's
digest, never on the order of arrival; a script adds latency, faults and changed replies. Its replies say
`simulated`.

`python -m stretto.models.fake_provider --seed 7 --script script.json` prints ``{"port": N}`` when it is
ready.
"""

from stretto.models.fake_provider.launcher import FakeProvider, ProviderLog, running_fake_provider

__all__ = ["FakeProvider", "ProviderLog", "running_fake_provider"]
