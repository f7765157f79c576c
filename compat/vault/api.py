"""Vault's HTTP API, as far as the suite needs it."""
import json
import os
import urllib.error
import urllib.request


class Refused(Exception):
    """Vault's answer when it is not a success."""


def vault(method, path, body=None, token=None):
    headers = {"X-Vault-Token": token} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{os.environ['VAULT_ADDR']}/v1/{path}", data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise Refused(f"{error.code} {error.read().decode()}") from None
