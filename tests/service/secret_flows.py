"""A workflow with secrets in its input, in a result, in what its steps say and in what they raise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import SecretStr  # noqa: TC002  # steps' hints are read

from stretto import Secret, approve, ask, current, step, workflow

PASSWORD = "correct-horse-battery"
TOKEN = "issued-token-77"


@dataclass(frozen=True)
class Session:
    """What a login gives."""

    user: str
    token: Annotated[str, Secret()]


@step
async def login(password: SecretStr) -> Session:
    current().logger.warning("logging in with %s", password.get_secret_value())
    print(f"printing {password.get_secret_value()}")
    current().progress(f"trying {password.get_secret_value()}")
    return Session("ada", f"issued-token-{len(password.get_secret_value()) + 56}")


@step(executor="process")
def renew(session: Session, password: SecretStr) -> Session:
    print(f"renewing {session.token} by {password.get_secret_value()}")
    return Session(session.user, session.token.upper())


@workflow
def renewing(password: SecretStr) -> Session:
    return renew(login(password), password)


@step
async def greet(session: Session) -> str:
    return f"hello {session.user}"


@step
async def spend(session: Session) -> int:
    return len(session.token)


@step
async def refuse(token: str) -> str:
    raise ValueError(f"{token} is not good enough")


@step
async def question(password: SecretStr) -> str:
    return f"Is it {password.get_secret_value()}?"


@workflow
def asking(password: SecretStr) -> str:
    return ask(question(password))


@workflow
def approving(password: SecretStr) -> str:
    return greet(approve(login(password), "let them in?"))


@workflow
def visiting(password: SecretStr) -> dict[str, object]:
    session = login(password)
    return {"session": session, "hello": greet(session)}


@workflow
def refused(password: SecretStr) -> str:
    return refuse(login(password).token)


@workflow
def pausing(password: SecretStr) -> dict[str, object]:
    session = login(password)
    said = ask("go on?")
    return {"hello": greet(session), "spent": spend.after(said)(session), "said": said}


@workflow
def pausing_without_need(password: SecretStr) -> dict[str, object]:
    session = login(password)
    return {"hello": greet(session), "said": ask("go on?")}
