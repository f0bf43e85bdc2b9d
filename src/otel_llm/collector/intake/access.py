"""Who sends: bearer tokens and tenants, the same over gRPC and HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from ..errors import Malformed
from ..wire.slim import GroupMessage, NotProtobuf, parse_request
from .answers import NO_TENANT, UNAUTHENTICATED, Failure
from .config import AuthConfig, TenantConfig
from .tokens import TokenFile, bearer

MAX_TENANT = 256
"""Characters of a tenant's name."""


class Access:
    """Answers for one receiver. Thread-safe."""

    def __init__(self, auth: AuthConfig | None, tenant: TenantConfig | None) -> None:
        """Raises ``OSError`` when there is no token to be read."""
        try:
            self._tokens = TokenFile(auth.token_file) if auth else None
        except ValueError as error:
            raise OSError(str(error)) from error
        self._tenant = tenant or TenantConfig()
        self._header = (self._tenant.header or "").lower()
        self.asks = bool(self._tokens or tenant)
        """Whether there is anything to ask."""

    def sender(self, headers: Mapping[str, str]) -> str | Failure:
        """Return the tenant that sends, ``""`` when it is nobody in particular, or why it may
        not. Header names are in lower case."""
        tenant = ""
        if self._tokens is not None:
            known = self._tokens.tenant(bearer(headers.get("authorization", "")))
            if known is None:
                return UNAUTHENTICATED
            tenant = known
        tenant = tenant or (headers.get(self._header, "") if self._header else "").strip()
        if len(tenant) > MAX_TENANT or (self._tenant.required and not tenant):
            return NO_TENANT
        return tenant

    def labelled(self, payload: bytes, tenant: str) -> bytes:
        """Return the request with the tenant on every resource, in place of whatever it said about
        that itself. Raises ``Malformed``."""
        label = KeyValue(key=self._tenant.attribute)
        label.value.string_value = tenant
        try:
            request = parse_request(payload)
            for group in request.groups:
                self._label(group, label)
        except NotProtobuf:
            raise Malformed("the body is no OTLP request") from None
        return request.SerializeToString()

    def _label(self, group: GroupMessage, label: KeyValue) -> None:
        resource = Resource.FromString(b"".join(group.resource))
        kept = [a for a in resource.attributes if a.key != label.key]
        del resource.attributes[:]
        resource.attributes.extend([*kept, label])
        while len(group.resource):
            del group.resource[0]
        group.resource.append(resource.SerializeToString())
