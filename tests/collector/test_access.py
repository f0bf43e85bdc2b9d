"""Who may send, whose data it is, and certificates that change, over both transports."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import warnings
from contextlib import suppress
from http.client import HTTPSConnection
from pathlib import Path

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_llm.collector.intake.config import (
    AuthConfig,
    GrpcConfig,
    HttpConfig,
    ServerTlsConfig,
    TenantConfig,
)
from otel_llm.collector.intake.tokens import TokenFile
from otel_llm.collector.protocol import METHODS
from tests.collector.certificates import Certificates, certificates
from tests.collector.otlp_faults import traces
from tests.collector.receiving import LOCAL, Receiver, receiving
from tests.collector.test_receiver_http import JSON, PROTOBUF, post

PATIENCE_S = 60


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text("# who may send\nsecret-one\n\nsecret-two team-blue\n")
    return file


def over_grpc(receiver: Receiver, payload: bytes = b"", **headers: str) -> grpc.StatusCode:
    with grpc.insecure_channel(receiver.grpc) as channel:
        metadata = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        try:
            export = channel.unary_unary(METHODS["traces"])
            export(payload, timeout=PATIENCE_S, metadata=metadata)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def tenants(receiver: Receiver, attribute: str = "otel_llm.tenant") -> list[list[str]]:
    """Of each resource that came in, all values it has of the attribute."""
    return [
        [a.value.string_value for a in group.resource.attributes if a.key == attribute]
        for _, payload in receiver.inbox.received
        for group in ExportTraceServiceRequest.FromString(payload).resource_spans
    ]


class TestTokens:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": "Bearer secret-on"},
            {"authorization": "Bearer secret-two team-blue"},
            {"authorization": "Basic secret-one"},
            {"authorization": "secret-one"},
            {"authorization": "Bearer "},
        ],
    )
    def test_without_one_of_them_nothing_is_read(self, token_file, given):
        with receiving(auth=AuthConfig(token_file)) as receiver:
            assert over_grpc(receiver, **given) is grpc.StatusCode.UNAUTHENTICATED
            response, body = post(receiver, b"garbage, never looked at", **given)

            assert (response.status, Status.FromString(body).code) == (401, 16)
            assert response.headers["www-authenticate"] == 'Bearer realm="otlp"'
            assert post(receiver, b"{", JSON, **given)[0].status == 401
            assert receiver.inbox.attempts == 0
            assert receiver.count("unauthenticated") == 3

    @pytest.mark.parametrize("token", ["secret-one", "secret-two"])
    def test_each_of_them_opens(self, token_file, token):
        with receiving(auth=AuthConfig(token_file)) as receiver:
            given = {"authorization": f"Bearer {token}"}

            assert over_grpc(receiver, traces(1), **given) is grpc.StatusCode.OK
            assert post(receiver, traces(2), **given)[0].status == 200
            assert len(receiver.inbox.received) == 2

    def test_a_changed_file_counts_at_once(self, token_file):
        with receiving(auth=AuthConfig(token_file)) as receiver:
            assert over_grpc(receiver, authorization="Bearer new") is not grpc.StatusCode.OK

            replacement = token_file.with_suffix(".new")
            replacement.write_text("new\n")
            replacement.replace(token_file)

            assert over_grpc(receiver, authorization="Bearer new") is grpc.StatusCode.OK
            assert over_grpc(receiver, authorization="Bearer secret-one") is (
                grpc.StatusCode.UNAUTHENTICATED
            )

    def test_a_file_that_vanishes_or_is_empty_opens_nothing_and_locks_nobody_out(self, token_file):
        tokens = TokenFile(token_file)

        token_file.write_text("")
        assert (tokens.holds("secret-one"), tokens.holds("")) == (True, False)
        token_file.unlink()
        assert (tokens.holds("secret-one"), tokens.holds("wrong")) == (True, False)

    def test_a_comment_is_no_token_however_it_is_indented(self, token_file):
        token_file.write_text("secret-one\n  # who may send\n\t#\n")

        tokens = TokenFile(token_file)

        assert (tokens.holds("secret-one"), tokens.holds("#")) == (True, False)

    def test_no_token_to_read_is_an_error_at_the_start(self, tmp_path):
        with (
            pytest.raises(OSError, match="holds no token"),
            receiving(auth=AuthConfig(_empty(tmp_path))),
        ):
            pass
        with (
            pytest.raises(OSError, match="cannot read"),
            receiving(auth=AuthConfig(tmp_path / "missing")),
        ):
            pass

    def test_the_stock_exporters_send_theirs(self, token_file):
        headers = {"authorization": "Bearer secret-one"}
        with receiving(auth=AuthConfig(token_file)) as receiver:
            for exporter in (
                GrpcExporter(f"http://{receiver.grpc}", insecure=True, headers=headers),
                HttpExporter(receiver.http + "/v1/traces", headers=headers),
            ):
                assert _exported(exporter) is SpanExportResult.SUCCESS

    def test_no_token_is_in_the_log_or_in_a_repr(self, token_file, caplog):
        caplog.set_level("DEBUG")
        with receiving(auth=AuthConfig(token_file)) as receiver:
            over_grpc(receiver, authorization="Bearer secret-guess")
            token_file.write_text("secret-three\n")
            over_grpc(receiver, authorization="Bearer secret-three")

            assert "secret" not in caplog.text
            assert "secret-three" not in repr(vars(receiver.inner))


class TestTenants:
    def test_a_token_says_whose_data_it_is_and_nobody_else_can(self, token_file):
        forged = ExportTraceServiceRequest.FromString(traces(1))
        attributes = forged.resource_spans[0].resource.attributes
        attributes.add(key="otel_llm.tenant").value.string_value = "team-red"
        attributes.add(key="service.name").value.string_value = "shop"
        payload = forged.SerializeToString() + traces(2)

        with receiving(auth=AuthConfig(token_file), tenant=TenantConfig("X-Tenant")) as receiver:
            given = {"authorization": "Bearer secret-two", "x_tenant": "team-green"}
            assert over_grpc(receiver, payload, **given) is grpc.StatusCode.OK
            assert post(receiver, payload, **given)[0].status == 200

            assert tenants(receiver) == [["team-blue"]] * 4
            assert tenants(receiver, "service.name") == [["shop"], []] * 2

    def test_without_a_tenant_in_the_token_the_header_names_it(self, token_file):
        with receiving(auth=AuthConfig(token_file), tenant=TenantConfig("X-Tenant")) as receiver:
            given = {"authorization": "Bearer secret-one", "x_tenant": "team-green"}
            over_grpc(receiver, traces(1), **given)

            assert tenants(receiver) == [["team-green"]]

    def test_the_attribute_can_be_another(self):
        with receiving(tenant=TenantConfig("X-Scope-OrgID", "tenant.id")) as receiver:
            over_grpc(receiver, traces(1), x_scope_orgid="42")

            assert tenants(receiver, "tenant.id") == [["42"]]

    def test_who_names_none_is_refused_where_that_is_required(self):
        with receiving(tenant=TenantConfig("X-Tenant", required=True)) as receiver:
            assert over_grpc(receiver, traces(1)) is grpc.StatusCode.PERMISSION_DENIED
            assert over_grpc(receiver, traces(1), x_tenant="t" * 257) is (
                grpc.StatusCode.PERMISSION_DENIED
            )
            assert post(receiver, traces(1))[0].status == 403
            assert post(receiver, traces(1), PROTOBUF, x_tenant="team")[0].status == 200

    def test_without_tenants_the_bytes_are_the_very_same(self):
        with receiving() as receiver:
            over_grpc(receiver, traces(1), x_tenant="team")

            assert receiver.inbox.received == [("traces", traces(1))]


@pytest.fixture(scope="module")
def two_authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificates, Certificates]:
    return tuple(certificates(tmp_path_factory.mktemp(name)) for name in ("one", "two"))


class TestCertificates:
    def test_new_ones_are_used_without_a_restart_over_both_transports(
        self, tmp_path, two_authorities
    ):
        old, new = two_authorities
        tls = _installed(tmp_path, old)
        with _encrypted(tls) as receiver:
            assert [_trusted(receiver, c) for c in (old, new)] == [(True, True), (False, False)]

            _installed(tmp_path, new)

            assert [_trusted(receiver, c) for c in (old, new)] == [(False, False), (True, True)]

    def test_files_that_do_not_belong_together_leave_the_old_ones_in_place(
        self, tmp_path, two_authorities, caplog
    ):
        old, new = two_authorities
        tls = _installed(tmp_path, old)
        with _encrypted(tls) as receiver:
            shutil.copy(new.server, tls.cert_file)

            assert _trusted(receiver, old) == (True, True)
            assert "what was read before stays" in caplog.text
            tls.key_file.unlink()
            assert _trusted(receiver, old) == (True, True)

    def test_a_sender_of_an_authority_that_is_no_longer_trusted_is_refused(
        self, tmp_path, two_authorities
    ):
        old, new = two_authorities
        tls = _installed(tmp_path, old, mutual=True)
        with _encrypted(tls) as receiver:
            assert _trusted(receiver, old, client=old) == (True, True)
            assert _trusted(receiver, old, client=None) == (False, False)

            _replace(new.ca, tls.client_ca_file)

            assert _trusted(receiver, old, client=old) == (False, False)
            assert _trusted(receiver, old, client=new) == (True, True)

    def test_over_grpc_handshakes_are_counted_also_those_that_fail(self, tmp_path, two_authorities):
        ours, _ = two_authorities
        with _encrypted(_installed(tmp_path, ours, mutual=True)) as receiver:
            with socket.create_connection(("127.0.0.1", receiver.inner.grpc_port), 60) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert plain.recv(1) == b""

            assert receiver.counters.get("otel_llm_receiver_handshakes", transport="grpc") == 1

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_a_session_from_before_lets_nobody_in_who_is_no_longer_trusted(
        self, tmp_path, two_authorities, version
    ):
        old, new = two_authorities
        tls = _installed(tmp_path, old, mutual=True)
        context = ssl.create_default_context(cafile=old.ca)
        context.load_cert_chain(old.client, old.client_key)
        context.maximum_version = version
        with _encrypted(tls) as receiver:
            answer, session = _resumed(receiver, context, None)
            assert answer.startswith(b"HTTP/1.1 200")

            _replace(new.ca, tls.client_ca_file)

            with suppress(OSError):  # refused, as TLS 1.2 says it; 1.3 hangs up after the handshake
                assert _resumed(receiver, context, session)[0] == b""

    def test_tls_before_1_2_is_not_spoken(self, tmp_path, two_authorities):
        with _encrypted(_installed(tmp_path, two_authorities[0])) as receiver:
            for port in (receiver.http_port, int(receiver.grpc.rpartition(":")[2])):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.options &= ~(ssl.OP_NO_TLSv1_1 | ssl.OP_NO_TLSv1)
                _allow_1_1(context)
                with pytest.raises(OSError):  # noqa: PT011 - which one is OpenSSL's business
                    HTTPSConnection(
                        "127.0.0.1", port, timeout=PATIENCE_S, context=context
                    ).connect()

    def test_files_of_no_use_are_an_error_at_the_start(self, tmp_path, two_authorities):
        tls = _installed(tmp_path, two_authorities[0])
        tls.key_file.write_text("none")
        for protocol in (
            {"grpc": GrpcConfig(LOCAL, tls=tls), "http": HttpConfig("")},
            {"grpc": GrpcConfig(""), "http": HttpConfig(LOCAL, tls=tls)},
        ):
            with pytest.raises(ssl.SSLError), receiving(**protocol):
                pass


def _allow_1_1(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def _resumed(
    receiver: Receiver, context: ssl.SSLContext, session: ssl.SSLSession | None
) -> tuple[bytes, ssl.SSLSession | None]:
    """Ask something in a session of before; return the answer and the present session."""
    with (
        socket.create_connection(("127.0.0.1", receiver.http_port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as encrypted,
    ):
        encrypted.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"
        )
        return encrypted.recv(1000), encrypted.session


def _encrypted(tls: ServerTlsConfig):
    return receiving(GrpcConfig(LOCAL, tls=tls), HttpConfig(LOCAL, tls=tls))


def _installed(directory: Path, made: Certificates, mutual: bool = False) -> ServerTlsConfig:
    """Put certificates where the receiver looks for them, as a renewal does: by replacing."""
    tls = ServerTlsConfig(
        directory / "server.pem", directory / "server.key", directory / "ca.pem" if mutual else None
    )
    _replace(made.server, tls.cert_file)
    _replace(made.server_key, tls.key_file)
    if tls.client_ca_file:
        _replace(made.ca, tls.client_ca_file)
    return tls


def _replace(source: Path, target: Path | None) -> None:
    assert target is not None
    fresh = target.with_suffix(".fresh")
    shutil.copy(source, fresh)
    os.replace(fresh, target)


def _trusted(
    receiver: Receiver, server: Certificates, client: Certificates | None = None
) -> tuple[bool, bool]:
    """Whether a sender that trusts ``server`` alone gets through, over gRPC and HTTP."""
    return _over_grpc(receiver, server, client), _over_http(receiver, server, client)


def _over_grpc(receiver: Receiver, server: Certificates, client: Certificates | None) -> bool:
    pair = (client.client_key.read_bytes(), client.client.read_bytes()) if client else (None, None)
    credentials = grpc.ssl_channel_credentials(server.ca.read_bytes(), *pair)
    address = receiver.grpc.replace("127.0.0.1", "localhost")
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(address, credentials, options) as channel:
        try:
            channel.unary_unary(METHODS["traces"])(b"", timeout=PATIENCE_S)
        except grpc.RpcError:
            return False
    return True


def _over_http(receiver: Receiver, server: Certificates, client: Certificates | None) -> bool:
    context = ssl.create_default_context(cafile=server.ca)
    if client:
        context.load_cert_chain(client.client, client.client_key)
    connection = HTTPSConnection(
        "127.0.0.1", receiver.http_port, timeout=PATIENCE_S, context=context
    )
    try:
        connection.request("POST", "/v1/traces", b"", {"content-type": PROTOBUF})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _exported(exporter) -> SpanExportResult:
    with TracerProvider().get_tracer("test").start_as_current_span("chat") as span:
        pass
    try:
        return exporter.export([span])
    finally:
        exporter.shutdown()


def _empty(directory: Path) -> Path:
    file = directory / "empty"
    file.write_text("\n# nobody\n")
    return file
