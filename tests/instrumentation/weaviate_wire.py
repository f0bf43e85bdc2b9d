"""A Weaviate server on 127.0.0.1, as much of it as its client needs: HTTP beside gRPC."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from otel_llm.testing import FakeProvider, json_answer

ID = "11111111-2222-3333-4444-555555555555"
SECRET = "what nobody may read"
_TIMES = {
    "creation_time_unix": 1,
    "creation_time_unix_present": True,
    "last_update_time_unix": 1,
    "last_update_time_unix_present": True,
}
ROUTES = {
    "/v1/meta": lambda _: json_answer(
        {"version": "1.30.0", "hostname": "x", "grpcMaxMessageSize": 10485760, "modules": {}}
    ),
    "/v1/.well-known/openid-configuration": lambda _: json_answer({}, status=404),
    "/v1/": lambda _: json_answer({}),
}


class FakeWeaviate:
    """Answers every search with one object, or with the error it is told to."""

    def __init__(self):
        import grpc

        self.refuses = False
        self.searches = []
        self._http = FakeProvider(ROUTES)
        self._grpc = grpc.server(ThreadPoolExecutor(2), handlers=[_handler(self)])
        self.port = self._grpc.add_insecure_port("127.0.0.1:0")

    @property
    def http_port(self):
        return self._http.port

    def __enter__(self):
        self._http.start()
        self._grpc.start()
        return self

    def __exit__(self, *error):
        self._grpc.stop(0).wait()
        self._http.stop()

    def search(self, request, context):
        """Answer a search."""
        import grpc
        from weaviate.proto.v1 import search_get_pb2 as wire

        self.searches.append(request)
        if self.refuses:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, SECRET)
        known = {"score": 0.5, "score_present": True, **_TIMES}
        whole = UUID(ID).bytes
        told = wire.MetadataResult(id=ID, id_as_bytes=whole, **known)
        found = wire.SearchResult(metadata=told)
        return wire.SearchReply(took=0.1, results=[found])


def _handler(server):
    import grpc
    from weaviate.proto.v1 import search_get_pb2 as wire

    methods = {
        "/weaviate.v1.Weaviate/Search": grpc.unary_unary_rpc_method_handler(
            server.search,
            request_deserializer=wire.SearchRequest.FromString,
            response_serializer=wire.SearchReply.SerializeToString,
        ),
        "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(
            lambda request, context: b"\x08\x01",  # SERVING
        ),
    }

    class Handler(grpc.GenericRpcHandler):
        def service(self, call):
            return methods.get(call.method)

    return Handler()
