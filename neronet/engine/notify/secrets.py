"""Where passwords come from: the keyring, the environment, and only if the user insists the file itself."""

from __future__ import annotations

import os

from neronet.engine.notify.trouble import Lasting
from neronet.spec.notify import Secret

SERVICE = "neronet"


def password_of(secret: Secret, account: str) -> str:
    """The password; `account` is its name in the keyring. Raises Lasting when there is none."""
    if secret.kind == "insecure":
        return secret.text
    if secret.kind == "env":
        found = os.environ.get(secret.text)
        if not found:
            hint = "set it where the engine is started: nerocli engine stop, then start"
            raise Lasting(f"the environment has no {secret.text} with the password", hint)
        return found
    return _from_keyring(account)


def _from_keyring(account: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        hint = "pip install 'neronet[notify]', or write password: env NAME"
        raise Lasting("the keyring needs a package that is not installed", hint) from None
    try:
        found = keyring.get_password(SERVICE, account)
    except (KeyringError, RuntimeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Lasting(f"the keyring cannot be read: {why[:200]}", "or write password: env NAME") from None
    if not found:
        raise Lasting(f"the keyring has no password of {account}", f"keyring set {SERVICE} {account}")
    return found
