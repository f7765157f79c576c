"""The tutorial's program, with the signing that it leaves out: one line a case."""
import base64
import json
import traceback

import boto3
from api import Refused, vault
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

BODY = "Action=GetCallerIdentity&Version=2011-06-15"


def signed(host="sts.us-west-2.amazonaws.com", region="us-west-2", server="vault.example.com", service="sts"):
    """A GetCallerIdentity request that is signed for AWS and not sent."""
    session = boto3.Session()
    request = AWSRequest("POST", f"https://{host}/", data=BODY, headers={
        "Host": host, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Vault-AWS-IAM-Server-ID": server,
    })
    SigV4Auth(session.get_credentials().get_frozen_credentials(), service, region).add_auth(request)
    return request


def login(role, request, body=BODY):
    encode = lambda text: base64.b64encode(text.encode()).decode()
    return vault("POST", "auth/aws/login", {
        "role": role,
        "iam_http_request_method": request.method,
        "iam_request_url": encode(request.url),
        "iam_request_body": encode(body),
        "iam_request_headers": encode(json.dumps(dict(request.headers.items()))),
    })


def refused(want, *args, **kwargs):
    try:
        login(*args, **kwargs)
    except Refused as error:
        assert want in str(error), error
        return
    raise AssertionError("the login was accepted")


def reads():
    auth = login("EKSServiceAccountRole", signed())["auth"]
    assert auth["metadata"]["canonical_arn"] == "arn:aws:iam::111122223333:role/EKSServiceAccountRole", auth
    assert auth["metadata"]["account_id"] == "111122223333", auth
    secret = vault("GET", "secret/data/your-secret", token=auth["client_token"])["data"]["data"]
    assert secret == {"username": "admin", "password": "s3cr3t"}, secret


def another_role():
    refused("does not", "AnotherRole", signed())


def tampered():
    request = signed()
    authorization = request.headers["Authorization"]
    del request.headers["Authorization"]
    last = "0" if authorization[-1] != "0" else "1"
    request.headers["Authorization"] = authorization[:-1] + last
    refused("SignatureDoesNotMatch", "EKSServiceAccountRole", request)


def another_host():
    request = signed()
    request.url = "https://sts.eu-west-1.amazonaws.com/"
    refused("SignatureDoesNotMatch", "EKSServiceAccountRole", request)


def another_token():
    request = signed()
    del request.headers["X-Amz-Security-Token"]
    request.headers["X-Amz-Security-Token"] = "made-up"
    refused("InvalidClientTokenId", "EKSServiceAccountRole", request)


cases = {
    "a login signed with the pod's session reads the secret": reads,
    "a login signed for the global host": lambda: login("EKSServiceAccountRole", signed("sts.amazonaws.com", "us-east-1")),
    "another role of Vault's is refused": another_role,
    "a tampered signature is refused": tampered,
    "a signature for another host is refused": another_host,
    "another session's token is refused": another_token,
    "a signature for another service is refused": lambda: refused("SignatureDoesNotMatch", "EKSServiceAccountRole", signed(service="iam")),
    "a login that was made for another Vault is refused": lambda: refused("X-Vault-AWS-IAM-Server-ID", "EKSServiceAccountRole", signed(server="other.example.com")),
    "a request with another action is refused": lambda: refused("", "EKSServiceAccountRole", signed(), body="Action=GetSessionToken&Version=2011-06-15"),
}
for name, case in cases.items():
    try:
        case()
        print("ok", name, flush=True)
    except Exception:
        print("not ok", name)
        print("\n".join("   # " + line for line in traceback.format_exc().splitlines()[-6:]), flush=True)
