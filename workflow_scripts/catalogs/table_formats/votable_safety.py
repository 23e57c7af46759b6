"""What must not be in a VOTable before astropy parses it: addresses that it would open, entities that would grow.

astropy opens whatever `<STREAM href=...>` names, on the web or on this machine. The scan goes by an XML parser, not by
patterns: a pattern is passed by a `>` in an attribute or by another encoding.
"""

from io import BytesIO
from typing import IO
from xml.parsers import expat

_BLOCK = 1 << 16


def forbidden_content(document: bytes | IO[bytes]) -> str | None:
    """Why a VOTable must not be parsed, in words that go on after its name and a colon; None where it may be.

    Parameters
    ----------
    document
        its bytes, or a file opened for reading (unpacked), which is read from where it stands to its end, in blocks.
        Hand the same bytes to astropy as a function (`astropy.io.votable.parse(file.read)`): what it gets as a path or
        file it unpacks, and that may be another document.

    Raises
    ------
    xml.parsers.expat.ExpatError, ValueError, LookupError
        for what is no well-formed XML, or in an encoding that is not known.
    """
    file = BytesIO(document) if isinstance(document, bytes) else document
    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        # astropy goes by names without their prefix.
        if name.rpartition(":")[2].upper() == "STREAM":
            for attribute, address in attributes.items():
                if attribute.rpartition(":")[2].lower() == "href":
                    shown = "".join(character for character in address[:200] if character.isprintable())
                    found.append(f"its rows lie elsewhere (STREAM href='{shown}'), expected them in the VOTable itself")

    def doctype(name: str, system: str | None, public: str | None, has_internal_subset: int) -> None:
        # Old VOTables name their DTD, which no parser loads here.
        if has_internal_subset:
            found.append("it declares entities or types of its own (DOCTYPE), expected a plain VOTable")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    while not found and (block := file.read(_BLOCK)):
        parser.Parse(block, False)
    if not found:
        parser.Parse(b"", True)
    return found[0] if found else None
