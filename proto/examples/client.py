"""A client of Qingting in Python: says who it is, hands in calls, finds one of them, and reads its findings.

    pip install -r proto/requirements.txt
    QINGTING_KEY=qt_... python proto/examples/client.py --server hotline.example:50051 --ca ca.pem calls.jsonl

The code for the messages is generated from the protos beside this file when it starts. Prints one JSON object a line.
"""

import argparse
import importlib
import importlib.resources
import json
import os
import pathlib
import sys
import tempfile
import time

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

PROTOS = pathlib.Path(__file__).resolve().parent.parent
SERVICES = ["access", "call", "ingest"]


def generate(folder):
    """Generates the modules of qingting/v1 and makes them importable."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("qingting/v1/*.proto"))
    # Google's own types come with grpcio-tools.
    known = importlib.resources.files("grpc_tools") / "_proto"
    paths = [f"--proto_path={PROTOS}", f"--proto_path={known}"]
    code = protoc.main(["protoc", *paths, f"--python_out={folder}", f"--grpc_python_out={folder}", *files])
    if code != 0:
        raise SystemExit("the protos cannot be compiled")
    sys.path.insert(0, folder)
    for service in SERVICES:
        name = f"{service}_service"
        globals()[f"{name}_pb2"] = importlib.import_module(f"qingting.v1.{name}_pb2")
        globals()[f"{name}_pb2_grpc"] = importlib.import_module(f"qingting.v1.{name}_pb2_grpc")


class WithKey(grpc.AuthMetadataPlugin):
    """Sends the key with every request; over TLS only, as grpc sees to."""

    def __init__(self, key):
        self.key = key

    def __call__(self, context, callback):
        callback((("authorization", f"Bearer {self.key}"),), None)


def connect(server, ca, key):
    """A channel to the server, once it is ready."""
    tls = grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes())
    credentials = grpc.composite_channel_credentials(tls, grpc.metadata_call_credentials(WithKey(key)))
    channel = grpc.secure_channel(server, credentials)
    try:
        grpc.channel_ready_future(channel).result(timeout=30)
    except grpc.FutureTimeoutError:
        raise SystemExit(f"no connection to {server}: is it there, and is its certificate by {ca}?") from None
    return channel


def reason(error):
    """The machine-readable reason of an error, and when to come back in seconds, where it says so."""
    status = rpc_status.from_call(error)
    name, wait = "", None
    for detail in status.details if status else []:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            name = info.reason
        elif detail.Unpack(retry):
            wait = retry.retry_delay.ToTimedelta().total_seconds()
    return name, wait


def ask(method, request, tries=5):
    """Asks, and again when the server is busy or starting and says when to come back."""
    for left in reversed(range(tries)):
        try:
            return method(request, timeout=30)
        except grpc.RpcError as error:
            name, wait = reason(error)
            if wait is None or left == 0:
                raise SystemExit(f"{error.code().name} {name}: {error.details()}") from error
            time.sleep(wait)


def show(kind, **fields):
    print(json.dumps({"kind": kind, **fields}, ensure_ascii=False), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--server", default="localhost:50051", help="host and port")
    options.add_argument("--ca", required=True, help="PEM file of the authority that signed the server's certificate")
    options.add_argument("calls", help="JSON Lines of call records, the field names of docs/call.schema.json")
    options = options.parse_args()
    key = os.environ.get("QINGTING_KEY")
    if not key:
        raise SystemExit("put the key into QINGTING_KEY; `qingting keys create` makes one")

    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        channel = connect(options.server, options.ca, key)
        access = access_service_pb2_grpc.AccessServiceStub(channel)
        ingest = ingest_service_pb2_grpc.IngestServiceStub(channel)
        calls = call_service_pb2_grpc.CallServiceStub(channel)

        who = ask(access.GetPrincipal, access_service_pb2.GetPrincipalRequest())
        show("principal", role=who.role, name=who.display_name)

        # Calls are sent as they are read; each is acknowledged once it is on disk.
        def requests():
            with open(options.calls, encoding="utf-8") as lines:
                for line in lines:
                    record = to_wire(json.loads(line))
                    yield json_format.ParseDict({"call": record}, ingest_service_pb2.IngestCallsRequest())

        kept = []
        for answer in ingest.IngestCalls(requests()):
            show("acknowledged", call=answer.call_id, code=answer.status.code, message=answer.status.message)
            if answer.status.code == 0:
                kept.append(answer.call_id)

        # The worst of them first. They are searchable within [server] refresh_ms.
        kept = sorted(set(kept))
        search = call_service_pb2.SearchCallsRequest(filter="call:" + ",".join(kept), order_by="score", page_size=20)
        for _ in range(100):
            found = ask(calls.SearchCalls, search)
            if found.total_size == len(kept):
                break
            time.sleep(0.1)
        show("found", total=found.total_size)
        for call_id in kept:
            call = ask(calls.GetCall, call_service_pb2.GetCallRequest(name=f"calls/{call_id}"))
            for finding in call.analysis.findings:
                quotes = [evidence.quote for evidence in finding.evidence]
                show("finding", call=call_id, code=finding.code, explanation=finding.explanation, quotes=quotes)


def to_wire(record):
    """The JSON form of a record as the protos name its values: enums in capitals, with their prefix."""
    record = dict(record)
    for turn in record.get("turns", []):
        turn["role"] = "ROLE_" + turn["role"].upper()
    if "direction" in record:
        record["direction"] = "DIRECTION_" + record["direction"].upper()
    return record


if __name__ == "__main__":
    main()
