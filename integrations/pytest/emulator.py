# SPDX-License-Identifier: Apache-2.0
"""A running irsa-emu: its process, its control API, and what pods and administrators have of it."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Sequence, Union

from .environment import changed, check_pod, pointed
from .errors import IrsaEmuError

if TYPE_CHECKING:  # boto3 is asked for by session and admin_session alone
    import boto3

#: A State document: the path of a file or folder, or the document itself.
State = Union[str, "os.PathLike[str]", Mapping[str, Any]]

#: How long an emulator may take to be ready, and to end, in seconds.
START_SECONDS, STOP_SECONDS = 30.0, 10.0

HOW_TO_GET_IT = (
    "Build it in a checkout of irsa-emu with Go 1.26 or newer (make build makes bin/irsa-emu), "
    "and put it on PATH or name the file in the environment variable IRSA_EMU."
)


def find_binary(named: "str | os.PathLike[str] | None" = None) -> str:
    """The path of the program: the one named, else that of $IRSA_EMU, else irsa-emu on PATH."""
    wanted, said = (os.fspath(named), "the binary that was named") if named else (os.environ.get("IRSA_EMU", ""), "$IRSA_EMU")
    if wanted:
        found = shutil.which(wanted)
        if not found:
            raise IrsaEmuError(f"{said}, {wanted}, is not a program that can be run. {HOW_TO_GET_IT}")
        return os.path.abspath(found)
    found = shutil.which("irsa-emu")
    if not found:
        raise IrsaEmuError(f"There is no irsa-emu on PATH. {HOW_TO_GET_IT}")
    return os.path.abspath(found)


class Emulator:
    """One irsa-emu. :meth:`start` runs one of your own, :meth:`at` uses one that runs elsewhere.

    Roles are ARNs, service accounts ``NAMESPACE/NAME``, durations what Go writes (``"90s"``, ``"2h"``)
    or :class:`datetime.timedelta`.
    """

    def __init__(
        self,
        url: str,
        *,
        control_token: "str | None" = None,
        binary: "str | os.PathLike[str] | None" = None,
        process: "subprocess.Popen[bytes] | None" = None,
        folder: "Path | None" = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.clock = Clock(self)
        self._control_token = control_token
        self._binary = binary
        self._process = process
        self._folder = folder or Path(tempfile.mkdtemp(prefix="irsa-emu-"))
        self._tokens: Dict[Path, str] = {}
        # A proxy of the environment leads to AWS, not to an emulator on this machine.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        try:
            info = self._call("GET", "/_emu/info")
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        #: The default account, twelve digits, and the default region.
        self.account: str = info["account"]
        self.region: str = info["region"]
        atexit.register(self.stop)

    @classmethod
    def start(
        cls,
        *state: State,
        binary: "str | os.PathLike[str] | None" = None,
        region: "str | None" = None,
        account: "str | None" = None,
        args: Sequence[str] = (),
    ) -> "Emulator":
        """Runs an emulator on a free loopback port. It ends with :meth:`stop`, and with this process.

        ``state`` is what it starts from and what :meth:`reset` goes back to; ``args`` are further
        flags of ``irsa-emu serve``.
        """
        program = find_binary(binary)
        folder = Path(tempfile.mkdtemp(prefix="irsa-emu-"))
        ready, log = folder / "ready.json", folder / "log"
        command = [program, "serve", "--parent-death", "--listen", "127.0.0.1:0", "--ready-file", str(ready), "--data-dir", str(folder / "data")]
        for number, document in enumerate(state):
            command += ["--given", _file_of(document, folder / f"state-{number}.json")]
        command += ["--region", region] if region else []
        command += ["--account", account] if account else []
        command += args
        try:
            with log.open("wb") as stderr:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
            url = _ready(process, ready, log)
            return cls(url, binary=program, process=process, folder=folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @classmethod
    def at(cls, url: str, control_token: "str | None" = None) -> "Emulator":
        """Uses an emulator that runs elsewhere, such as in a container; :meth:`stop` leaves it running."""
        return cls(url, control_token=control_token)

    def stop(self) -> None:
        """Ends an emulator of :meth:`start`, and removes the token files. More calls do nothing."""
        atexit.unregister(self.stop)
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # State

    def load(self, *state: State) -> None:
        """Merges State documents into the state; a path may be whatever ``serve --given`` takes."""
        for document in state:
            if isinstance(document, Mapping):
                self._call("POST", "/_emu/state", document)
            else:
                self._load_file(os.fspath(document))

    def _load_file(self, path: str) -> None:
        # The program reads the other formats, and the files that a document names.
        command = [find_binary(self._binary), "state", "load", path, "--url", self.url]
        command += ["--control-token", self._control_token] if self._control_token else []
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise IrsaEmuError(done.stdout.strip())

    def state(self) -> Dict[str, Any]:
        """The whole state, as a State document. It holds private keys and secrets."""
        exported: Dict[str, Any] = self._call("GET", "/_emu/state")
        return exported

    def reset(self, account: "str | None" = None) -> None:
        """Goes back to the state of the start, with no faults, no decisions and the real time; with
        an account only that account's state goes back."""
        self._call("DELETE", "/_emu/state" + _query(account=account))
        self._write_tokens()

    @contextmanager
    def isolated(self) -> "Iterator[Emulator]":
        """What is done inside is undone at the end: state, clock, faults and pods are as they were before."""
        before = self._call("GET", "/_emu/state", accept="*/*")
        pods = dict(self._tokens)
        try:
            yield self
        finally:
            self._tokens = pods
            self._call("DELETE", "/_emu/state")
            self._call("POST", "/_emu/state", before.encode())
            self._write_tokens()

    # Pods and administrators

    def token(self, service_account: "str | None" = None, **request: Any) -> str:
        """Signs a token. ``request`` are members of ``POST /_emu/tokens`` in snake case: ``audience=[…]``,
        ``expires_in_seconds=…``, ``claims={…}``, ``profile="github"``, ``issuer=…``, ``pod=…``."""
        body = _camel(request)
        if service_account is not None:
            body["serviceAccount"] = service_account
        token: str = self._call("POST", "/_emu/tokens", body)["token"]
        return token

    def pod(self, role: str, service_account: str, region: "str | None" = None) -> Dict[str, "str | None"]:
        """What the pod identity webhook gives a pod, and the emulator's endpoint, as environment
        variables. None is a variable that must go: one of this process that would win."""
        check_pod(role, service_account)
        token = str(self._token_file(service_account))
        return {**self._pointed(region), "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": token}

    def pod_env(self, role: str, service_account: str, region: "str | None" = None) -> Dict[str, str]:
        """This process's environment as it is in a pod: ``subprocess.run(command, env=emulator.pod_env(…))``."""
        return changed(self.pod(role, service_account, region))

    def admin(self, account: "str | None" = None, region: "str | None" = None, secret: str = "test") -> Dict[str, "str | None"]:
        """The same of an account's administrator, who may do everything in it."""
        return {**self._pointed(region), "AWS_ACCESS_KEY_ID": account or self.account, "AWS_SECRET_ACCESS_KEY": secret}

    def admin_env(self, account: "str | None" = None, region: "str | None" = None, secret: str = "test") -> Dict[str, str]:
        """This process's environment as an account's administrator has it."""
        return changed(self.admin(account, region, secret))

    def session(self, role: str, service_account: str, region: "str | None" = None) -> "boto3.Session":
        """A boto3 Session with the credentials that boto3 finds in a pod of a service account whose
        annotation names the role: assumed when they are first needed, refreshed before they expire."""
        check_pod(role, service_account)
        file = self._token_file(service_account)
        return self._session({"role_arn": role, "web_identity_token_file": str(file)}, region)

    def admin_session(self, account: "str | None" = None, region: "str | None" = None, secret: str = "test") -> "boto3.Session":
        """A boto3 Session of an account's administrator."""
        return self._session({"aws_access_key_id": account or self.account, "aws_secret_access_key": secret}, region)

    def _session(self, settings: Mapping[str, str], region: "str | None") -> "boto3.Session":
        from .boto import session  # needs boto3

        return session(self.url, region or self.region, settings, Path(tempfile.mkdtemp(prefix="boto3-", dir=self._folder)))

    def _pointed(self, region: "str | None") -> "Dict[str, str | None]":
        nowhere = self._folder / "nowhere"
        nowhere.mkdir(exist_ok=True)
        return pointed(self.url, region or self.region, nowhere)

    def _token_file(self, service_account: str) -> Path:
        file = Path(tempfile.mkdtemp(prefix="pod-", dir=self._folder)) / "token"
        file.write_text(self.token(service_account))
        self._tokens[file] = service_account
        return file

    def _write_tokens(self) -> None:
        """Writes the pods' token files anew, as the kubelet does when time passes."""
        for file, service_account in self._tokens.items():
            fresh = file.with_suffix(".new")
            fresh.write_text(self.token(service_account))
            fresh.replace(file)

    # Faults and decisions

    def fault(self, *, service: "str | None" = None, action: "str | None" = None, role: "str | None" = None, times: "int | None" = None, **fault: Any) -> None:
        """Makes matching calls fail, or wait: ``code``, ``status``, ``message``, ``latency``,
        ``drop_connection`` as in ``POST /_emu/faults``."""
        body: Dict[str, Any] = {"match": _given(service=service, action=action, role=role), "fault": _camel(fault)}
        self._call("POST", "/_emu/faults", {**body, **_given(times=times)})

    def clear_faults(self) -> None:
        """Takes all faults back."""
        self._call("DELETE", "/_emu/faults")

    def decisions(self, outcome: "str | None" = None, limit: "int | None" = None) -> List[Dict[str, Any]]:
        """What was decided about recent calls, newest first; ``outcome`` is allowed, refused or failed."""
        found: List[Dict[str, Any]] = self._call("GET", "/_emu/decisions" + _query(outcome=outcome, limit=limit))["decisions"]
        return found

    def decision(self, call: Any) -> Dict[str, Any]:
        """What was decided about one call: a ClientError of botocore, an answer of boto3, or a request id."""
        decided: Dict[str, Any] = self._call("GET", "/_emu/decisions/" + urllib.parse.quote(_request_id(call), safe=""))
        return decided

    def explain(self, call: Any = None) -> str:
        """Why a call was answered as it was, in words; without one, the last that was not allowed."""
        if call is None:
            bad = next((d for d in self.decisions() if d["outcome"] != "allowed"), None)
            if bad is None:
                return "No call was refused so far, and none failed."
            call = bad["requestId"]
        text: str = self._call("GET", "/_emu/decisions/" + urllib.parse.quote(_request_id(call), safe=""), accept="text/plain")
        return text

    def _call(self, method: str, path: str, body: "Mapping[str, Any] | bytes | None" = None, accept: str = "application/json") -> Any:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"Accept": accept})
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self._control_token:
            request.add_header("Authorization", "Bearer " + self._control_token)
        try:
            with self._open(request, timeout=60) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as e:
            text = e.read().decode(errors="replace")
            try:
                text = json.loads(text)["error"]
            except (ValueError, KeyError, TypeError):
                pass
            raise IrsaEmuError(f"irsa-emu answers {e.code}: {text}") from None
        except OSError as e:
            raise IrsaEmuError(f"no irsa-emu answers at {self.url}: {e}") from e
        return json.loads(text) if text and accept == "application/json" else text


class Clock:
    """The emulator's clock. Programs keep their own: boto3 does not see that its credentials expired."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def now(self) -> datetime:
        """The emulator's time."""
        # Python before 3.11 reads neither Z nor nine digits of a second.
        text = re.sub(r"(\.\d{6})\d*", r"\1", self._emulator._call("GET", "/_emu/clock")["now"]).replace("Z", "+00:00")
        return datetime.fromisoformat(re.sub(r"\.(\d{1,5})(?=[+-])", lambda m: "." + m[1].ljust(6, "0"), text))

    def advance(self, by: "timedelta | str") -> None:
        """Moves the clock by a duration; pods' token files are written anew."""
        self._change(advance=f"{int(by.total_seconds() * 1000)}ms" if isinstance(by, timedelta) else by)

    def set(self, to: "datetime | str") -> None:
        """Sets the clock, which runs on from there. A datetime must have a time zone."""
        if isinstance(to, datetime):
            if to.tzinfo is None:
                raise IrsaEmuError(f"{to}: without a time zone it is not clear what time that is; write datetime(…, tzinfo=timezone.utc)")
            to = to.isoformat()
        self._change(set=to)

    def reset(self) -> None:
        """Goes back to the real time."""
        self._change(reset=True)

    def _change(self, **change: Any) -> None:
        self._emulator._call("POST", "/_emu/clock", change)
        self._emulator._write_tokens()


def _ready(process: "subprocess.Popen[bytes]", ready: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if ready.exists():  # it comes by rename, whole
            url: str = json.loads(ready.read_text())["url"]
            return url
        if process.poll() is not None:
            raise IrsaEmuError(f"irsa-emu ended with exit code {process.returncode} before it was ready:\n{_tail(log)}")
        time.sleep(0.01)
    process.kill()
    process.wait()
    raise IrsaEmuError(f"irsa-emu was not ready after {START_SECONDS:.0f} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _file_of(document: State, file: Path) -> str:
    if isinstance(document, Mapping):
        file.write_text(json.dumps(document))
        return str(file)
    return os.fspath(document)


def _request_id(call: Any) -> str:
    if isinstance(call, str):
        return call
    answer = getattr(call, "response", call)
    try:
        metadata: Mapping[str, Any] = answer["ResponseMetadata"]
        return str(metadata.get("RequestId") or metadata["HTTPHeaders"]["x-amzn-requestid"])
    except (KeyError, TypeError):
        raise IrsaEmuError(f"{call!r} carries no request id; write a ClientError of botocore, an answer of boto3, or a request id") from None


def _given(**values: Any) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _query(**values: Any) -> str:
    text = urllib.parse.urlencode(_given(**values))
    return "?" + text if text else ""


def _camel(values: Mapping[str, Any]) -> Dict[str, Any]:
    return {re.sub(r"_(.)", lambda m: m[1].upper(), name): _duration(value) for name, value in values.items()}


def _duration(value: Any) -> Any:
    return f"{int(value.total_seconds() * 1000)}ms" if isinstance(value, timedelta) else value
