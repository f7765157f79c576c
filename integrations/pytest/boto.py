# SPDX-License-Identifier: Apache-2.0
"""Sessions of boto3 that see an emulator and nothing of the surrounding shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from .errors import IrsaEmuError

try:
    import boto3
    import botocore.config
    import botocore.session
except ImportError as e:
    raise IrsaEmuError(f"boto3 is needed for that, and cannot be imported: {e}. Install it (pip install boto3).") from e


class _Session(botocore.session.Session):
    """Clients without an endpoint of their own, the inner STS client too, go to the emulator. The
    setting of a profile would lose to AWS_ENDPOINT_URL of the shell, and is not known before 1.28."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("endpoint_url") is None:
            kwargs["endpoint_url"] = self._url
        return super().create_client(*args, **kwargs)


def session(url: str, region: str, settings: Mapping[str, str], folder: Path) -> boto3.Session:
    """A session whose profile has the settings; ``folder`` is for its configuration files."""
    (folder / "config").write_text("[profile irsa-emu]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    (folder / "credentials").touch()
    core = _Session(url)
    core.set_config_variable("config_file", str(folder / "config"))
    core.set_config_variable("credentials_file", str(folder / "credentials"))
    for name in ("use_fips_endpoint", "use_dualstack_endpoint"):  # of the shell; no emulator has such
        core.set_config_variable(name, False)
    # A proxy of the environment leads to AWS, not to an emulator on this machine.
    core.set_default_client_config(botocore.config.Config(proxies={}))
    # A profile that is named wins over the shell's credentials.
    return boto3.Session(botocore_session=core, profile_name="irsa-emu", region_name=region)
