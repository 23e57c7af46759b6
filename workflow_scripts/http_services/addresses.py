"""Which addresses may be visited: what a public service redirects to must not lead into the user's own network."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

from workflow_scripts.errors import InputError

_SCHEMES = ("http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ForbiddenAddressError(ValueError):
    """An address that must not be visited; the message is the reason."""


class AddressGuard:
    """Judges URLs and resolved addresses.

    Only http and https are followed, never from https back to http. Addresses that are private, loopback, link-local,
    multicast or reserved are refused, except on the hosts of the configured URLs: who configures a server of their
    own means it. The same holds for a proxy of the environment (`https_proxy` and its kin), through which requests go,
    but no redirect may lead to it.
    """

    def __init__(self, *configured: str):
        """Raise `InputError` where a configured URL is none."""
        self.trusted = {_host_and_port(_configured(url)) for url in configured}
        self.proxies = _proxies() - self.trusted

    def check(self, url: str, come_from: str | None = None) -> None:
        """Raise `ForbiddenAddressError` unless `url` may be visited (redirected to from `come_from`)."""
        try:
            parts = urlsplit(url)
            host, port = _host_and_port(parts)
        except ValueError:
            raise ForbiddenAddressError(f"{url[:200]!r} is no URL") from None
        if parts.scheme not in _SCHEMES:
            raise ForbiddenAddressError(f"{url[:200]} is neither http nor https")
        if come_from and parts.scheme == "http" and urlsplit(come_from).scheme == "https":
            raise ForbiddenAddressError(f"{url[:200]} leads from https back to http")
        if not host or parts.username is not None or parts.password is not None:
            raise ForbiddenAddressError(f"{url[:200]} has no host, or a name and password in it")
        if (host, port) in self.proxies:
            raise ForbiddenAddressError(f"{url[:200]} is the proxy")
        if (host, port) not in self.trusted and (address := _literal(host)) is not None:
            self._check_public(host, address)

    def check_address(self, host: str, port: int, address: str) -> None:
        """Raise `ForbiddenAddressError` where a name that is not configured has an address that is not public."""
        if (host.lower().rstrip("."), port) not in self.trusted | self.proxies:
            found = _literal(address)
            if found is None:
                raise ForbiddenAddressError(f"{host} resolves to {address!r}, which is no address")
            self._check_public(host, found)

    @staticmethod
    def _check_public(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
        # An IPv4 address in the dress of an IPv6 one is judged as what it is.
        plain = getattr(address, "ipv4_mapped", None) or address
        if not plain.is_global or plain.is_multicast:
            raise ForbiddenAddressError(f"{host} is {address}, which is not a public address")


def _configured(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InputError(f"{url}: is no URL, expected http://... or https://...") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise InputError(f"{url}: is no URL of a service, expected http://... or https://...")
    return parts


def _proxies() -> set[tuple[str, int]]:
    """Host and port of the proxies that the environment names; what is no address of one is left to the library."""
    found = set()
    for kind, url in getproxies().items():
        try:
            if kind != "no":
                found.add(_host_and_port(urlsplit(url if "://" in url else f"http://{url}")))
        except ValueError:
            continue
    return found


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    host = (parts.hostname or "").lower().rstrip(".")
    return host, parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is written as, also in the old forms that resolvers accept (127.1, 0x7f000001)."""
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
