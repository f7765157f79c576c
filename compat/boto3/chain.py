"""boto3's default chain under IRSA variables: one line a case."""
import json
import os
import traceback
import urllib.request

import boto3
from botocore.exceptions import ClientError

URL = os.environ["AWS_ENDPOINT_URL"]


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, method=method, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


def identity():
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    assert arn.startswith("arn:aws:sts::111122223333:assumed-role/EKSServiceAccountRole/botocore-session-"), arn


def denied():
    try:
        boto3.client("secretsmanager").list_secrets()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", error
        assert "is not authorized to perform: secretsmanager:ListSecrets" in str(error), error
        return
    raise AssertionError("ListSecrets was allowed")


def retries_idp_communication_error():
    control("POST", "/_emu/faults", {"match": {"service": "sts", "action": "AssumeRoleWithWebIdentity"}, "fault": {"code": "IDPCommunicationError", "status": 400}, "times": 1})
    assert boto3.Session().client("sts").get_caller_identity()["Account"] == "111122223333"
    assert control("GET", "/_emu/faults")["faults"] == [], "the fault was not used"


def retries_dropped_connection():
    control("POST", "/_emu/faults", {"match": {"service": "sts"}, "fault": {"dropConnection": True}, "times": 1})
    assert boto3.Session().client("sts").get_caller_identity()["Account"] == "111122223333"


def refreshes():
    session = boto3.Session()
    credentials = session.get_credentials()
    first = credentials.get_frozen_credentials().access_key
    credentials._expiry_time = credentials._time_fetcher()
    second = credentials.get_frozen_credentials().access_key
    assert first != second, "the credentials were not refreshed"
    assert session.client("sts").get_caller_identity()["Account"] == "111122223333"


for case in (identity, denied, retries_idp_communication_error, retries_dropped_connection, refreshes):
    name = case.__name__.replace("_", " ")
    try:
        case()
        print("ok", name)
    except Exception:
        print("not ok", name)
        print("\n".join("   # " + line for line in traceback.format_exc().splitlines()[-8:]))
