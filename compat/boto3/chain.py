"""boto3's default chain under IRSA variables: one line a case."""
import json
import os
import sys
import tempfile
import traceback
import urllib.request
import warnings

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = os.environ["AWS_ENDPOINT_URL"]
os.environ.pop("AWS_ROLE_SESSION_NAME", None)  # as in a pod, where botocore makes the name
warnings.simplefilter("ignore")


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


def faulty(fault, times=1):
    """The first calls of AssumeRoleWithWebIdentity fail so; those after it do not."""
    control("DELETE", "/_emu/faults")
    control("POST", "/_emu/faults", {"match": {"service": "sts", "action": "AssumeRoleWithWebIdentity"}, "fault": fault, "times": times})


def used():
    left = control("GET", "/_emu/faults")["faults"]
    return not left or all(fault["used"] >= fault["times"] for fault in left)


def retries(fault, times=1):
    def run():
        faulty(fault, times)
        assert boto3.Session().client("sts").get_caller_identity()["Account"] == "111122223333"
        assert used(), "the fault was not met"

    return run


def does_not_retry_access_denied():
    faulty({"code": "AccessDenied", "status": 403, "message": "Not authorized to perform sts:AssumeRoleWithWebIdentity"})
    try:
        boto3.Session().client("sts").get_caller_identity()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
        assert error.response["ResponseMetadata"].get("RetryAttempts", 0) == 0, error.response
        return
    raise AssertionError("AccessDenied was not told")


def gives_up():
    """A service that stays broken is told after the retries."""
    control("DELETE", "/_emu/faults")
    control("POST", "/_emu/faults", {"match": {"service": "secretsmanager"}, "fault": {"code": "InternalServiceError", "status": 500}, "times": 2})
    client = boto3.client("secretsmanager", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
    try:
        client.get_secret_value(SecretId="your-secret-name")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InternalServiceError", error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500, error.response
        assert error.response["ResponseMetadata"]["RetryAttempts"] == 1, error.response
    else:
        raise AssertionError("the fault was not met")
    assert client.get_secret_value(SecretId="your-secret-name")["SecretString"]


def refreshes():
    """The emulator's clock is 52 minutes behind: credentials are 8 minutes from their end, and botocore must renew at 10."""
    control("DELETE", "/_emu/faults")
    control("POST", "/_emu/clock", {"advance": "-52m"})
    try:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(control("POST", "/_emu/tokens", {"serviceAccount": "your-namespace/your-service-account"})["token"])
            file.flush()
            os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"], kept = file.name, os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"]
            session = boto3.Session()
            first = session.get_credentials().get_frozen_credentials().access_key
            control("POST", "/_emu/clock", {"reset": True})
            arn = session.client("sts").get_caller_identity()["Arn"]
            second = session.get_credentials().get_frozen_credentials().access_key
            third = session.get_credentials().get_frozen_credentials().access_key
            os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"] = kept
    finally:
        control("POST", "/_emu/clock", {"reset": True})
    assert first != second, "the credentials were not refreshed"
    assert second == third, "fresh credentials were refreshed"
    assert "/EKSServiceAccountRole/" in arn, arn


cases = {
    "the default chain is the role": identity,
    "an action that is not allowed is denied": denied,
    "IDPCommunicationError is retried": retries({"code": "IDPCommunicationError", "status": 400}),
    "Throttling is retried": retries({"code": "Throttling", "status": 400, "message": "Rate exceeded"}),
    "503 is retried twice": retries({"code": "ServiceUnavailable", "status": 503}, times=2),
    "a dropped connection is retried": retries({"dropConnection": True}),
    "AccessDenied is not retried": does_not_retry_access_denied,
    "a service that stays broken is told after the retries": gives_up,
    "credentials are refreshed before they expire": refreshes,
}
for name, case in cases.items():
    try:
        case()
        print("ok", name)
    except Exception:
        print("not ok", name)
        print("\n".join("   # " + line for line in traceback.format_exc().splitlines()[-8:]))
    sys.stdout.flush()
control("DELETE", "/_emu/faults")
