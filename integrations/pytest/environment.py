# SPDX-License-Identifier: Apache-2.0
"""The environment of a pod: what leads an SDK to the emulator, and what would lead it away."""

from __future__ import annotations

import os
import re
import urllib.parse
from pathlib import Path
from typing import Dict, Mapping

from .errors import IrsaEmuError

# The names that irsa-emu exec drops.
_LEADS_ASTRAY = re.compile(
    r"AWS_(ACCESS_KEY_ID|ACCESS_KEY|SECRET_ACCESS_KEY|SECRET_KEY|SESSION_TOKEN|SECURITY_TOKEN|CREDENTIAL_EXPIRATION|CREDENTIAL_FILE"
    r"|ACCOUNT_ID|ACCOUNT_ID_ENDPOINT_MODE|PROFILE|DEFAULT_PROFILE|CONFIG_FILE|SHARED_CREDENTIALS_FILE|ROLE_ARN|ROLE_SESSION_NAME"
    r"|IAM_ROLE_ARN|IAM_ROLE_SESSION_NAME|WEB_IDENTITY_TOKEN_FILE|REGION|DEFAULT_REGION|STS_REGIONAL_ENDPOINTS"
    r"|IGNORE_CONFIGURED_ENDPOINT_URLS|USE_FIPS_ENDPOINT|USE_DUALSTACK_ENDPOINT)$"
    r"|AWS_(ENDPOINT_URL|CONTAINER_|EC2_METADATA_|BEARER_TOKEN_|SSO_)|BOTO_CONFIG$"
)


def pointed(url: str, region: str, nowhere: Path) -> "Dict[str, str | None]":
    """The variables that point an SDK at an emulator; None is one of this process that must go.
    ``nowhere`` is a folder for empty configuration files."""
    changes: Dict[str, "str | None"] = {name: None for name in os.environ if _LEADS_ASTRAY.match(name)}
    changes.update(AWS_REGION=region, AWS_DEFAULT_REGION=region, AWS_STS_REGIONAL_ENDPOINTS="regional", AWS_EC2_METADATA_DISABLED="true")
    for name, variable in (("config", "AWS_CONFIG_FILE"), ("credentials", "AWS_SHARED_CREDENTIALS_FILE")):
        (nowhere / name).touch()
        changes[variable] = str(nowhere / name)
    for service in ("", "_STS", "_IAM", "_EKS", "_S3", "_SECRETS_MANAGER"):  # some clients read only a service's own
        changes["AWS_ENDPOINT_URL" + service] = url
    host = urllib.parse.urlsplit(url).hostname or ""
    for name in ("NO_PROXY", "no_proxy"):
        changes[name] = ",".join(filter(None, [os.environ.get(name), host]))
    return changes


def changed(changes: "Mapping[str, str | None]") -> Dict[str, str]:
    """This process's environment with such changes."""
    env = {name: value for name, value in os.environ.items() if name not in changes}
    env.update({name: value for name, value in changes.items() if value is not None})
    return env


def check_pod(role: str, service_account: str) -> None:
    """Refuses what is no role's ARN or no service account."""
    if not (role.startswith("arn:") and ":role/" in role):
        swapped = " (role and service account are the other way round)" if service_account.startswith("arn:") else ""
        raise IrsaEmuError(f"role {role!r}: write its ARN, such as arn:aws:iam::111122223333:role/app{swapped}")
    namespace, _, name = service_account.partition("/")
    if not namespace or not name or "/" in name:
        raise IrsaEmuError(f"service account {service_account!r}: write NAMESPACE/NAME")
