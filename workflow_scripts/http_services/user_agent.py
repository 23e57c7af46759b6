"""How skybias introduces itself to a service."""

from workflow_scripts import __version__
from workflow_scripts.errors import InputError


def user_agent(contact: str | None) -> str:
    """`skybias/VERSION (+CONTACT)`, so that the keepers of a service can tell who asks and reach them.

    Raises
    ------
    InputError
        for a contact that cannot stand in a header.
    """
    name = f"skybias/{__version__}"
    if not contact:
        return name
    if not contact.isascii() or not contact.isprintable() or set(contact) & set("()\\") or len(contact) > 200:
        raise InputError(f"contact: {contact!r} cannot be sent in a header, expected an e-mail address or URL in ASCII")
    return f"{name} (+{contact})"
