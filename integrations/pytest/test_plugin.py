# SPDX-License-Identifier: Apache-2.0
"""The plugin as its users have it: pytester plays their test suites."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import pytest

from pytest_irsa_emu import Emulator, IrsaEmuError
from pytest_irsa_emu.emulator import find_binary

pytest_plugins = ["pytester"]

try:
    find_binary()
except IrsaEmuError as e:
    pytest.skip(str(e), allow_module_level=True)

ISSUER = "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
ROLE = "arn:aws:iam::111122223333:role/payments"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/" + ISSUER[8:]},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {ISSUER[8:] + ":sub": "system:serviceaccount:payments:api", ISSUER[8:] + ":aud": "sts.amazonaws.com"}},
        }
    ],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}
STATE = {
    "apiVersion": "irsa-emu.dev/v1",
    "kind": "State",
    "clusters": {"prod": {"issuer": ISSUER, "region": "us-west-2", "account": "111122223333"}},
    "accounts": {
        "111122223333": {
            "oidcProviders": [{"url": ISSUER, "clientIDs": ["sts.amazonaws.com"]}],
            "roles": [{"name": "payments", "trustPolicy": {"file": "trust.json"}, "inlinePolicies": {"read": READ}}],
            "secrets": [{"name": "payments/db", "region": "us-west-2", "value": "open sesame"}],
        }
    },
}
HEAD = f"""
import os, subprocess, sys
import pytest
ROLE = {ROLE!r}
"""
# What needs boto3 says so; everything else runs without.
boto3 = pytest.mark.skipif(subprocess.run([sys.executable, "-c", "import boto3"], stderr=subprocess.DEVNULL).returncode != 0, reason="there is no boto3 here")


@pytest.fixture(autouse=True)
def state(pytester, monkeypatch):
    for name in os.environ:
        if name.startswith(("AWS_", "PYTEST_XDIST")):
            monkeypatch.delenv(name)
    (pytester.path / "state.json").write_text(json.dumps(STATE))
    (pytester.path / "trust.json").write_text(json.dumps(TRUST))
    pytester.makeini("[pytest]\nirsa_emu_state = state.json\nirsa_emu_args = --region us-west-2\n")


def run(pytester, code, *args):
    pytester.makepyfile(HEAD + code)
    return pytester.runpytest_subprocess("-q", *args)


@boto3
def test_a_session_is_the_pod_and_no_other(pytester):
    run(pytester, """
import botocore.exceptions

def test_allowed(irsa_session):
    session = irsa_session(ROLE, "payments/api")
    assert session.client("sts").get_caller_identity()["Arn"].startswith("arn:aws:sts::111122223333:assumed-role/payments/")
    assert session.client("secretsmanager").get_secret_value(SecretId="payments/db")["SecretString"] == "open sesame"
    assert session.get_credentials().method == "assume-role-with-web-identity"
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        session.client("secretsmanager").list_secrets()

def test_refused(irsa_session, irsa_emu):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        irsa_session(ROLE, "other/api").client("sts").get_caller_identity()
    assert "system:serviceaccount:other:api" in irsa_emu.explain(e.value)
    assert irsa_emu.decision(e.value)["outcome"] == "refused"
    assert irsa_emu.explain() == irsa_emu.explain(e.value)
""").assert_outcomes(passed=2)


@boto3
def test_the_shell_leads_nobody_astray(pytester, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "none",
        "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/other", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    run(pytester, """
import boto3

def test_session(irsa_session, irsa_admin_session):
    assert ":assumed-role/payments/" in irsa_session(ROLE, "payments/api").client("sts").get_caller_identity()["Arn"]
    assert irsa_admin_session("444455556666").client("sts").get_caller_identity()["Account"] == "444455556666"
    irsa_admin_session().client("s3").list_buckets()

def test_pod(irsa_pod):
    assert boto3.client  # this module's default session may be that of another test
    irsa_pod(ROLE, "payments/api")
    assert ":assumed-role/payments/" in boto3.client("sts").get_caller_identity()["Arn"]

def test_after_it(irsa_emu):
    assert os.environ["AWS_ROLE_ARN"] == "arn:aws:iam::999999999999:role/other" and boto3.DEFAULT_SESSION is None
""").assert_outcomes(passed=3)


def test_the_environment_is_that_of_exec(pytester, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_SQS", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SSO_X", "AWS_BEARER_TOKEN_BEDROCK", "BOTO_CONFIG", "AWS_CREDENTIAL_FILE", "AWS_PAGER"):
        monkeypatch.setenv(name, "x")
    with Emulator.start("state.json", region="us-west-2") as emulator:
        ours = emulator.pod_env(ROLE, "payments/api")
        command = [find_binary(), "exec", "--url", emulator.url, "--service-account", "payments/api", "--role", ROLE, "--", sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
        theirs = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    is_path = lambda name: name.endswith(("_FILE", "SESSION_NAME"))
    pick = lambda env: {name: "" if is_path(name) else value for name, value in env.items() if name.startswith(("AWS_", "BOTO")) or name.upper() == "NO_PROXY"}
    want = pick(theirs)
    want.pop("AWS_ROLE_SESSION_NAME", None)  # exec names the session, as few webhooks do
    assert pick(ours) == want


@boto3
def test_a_failure_is_explained(pytester):
    result = run(pytester, """
def test_it(irsa_session):
    irsa_session(ROLE, "other/api").client("sts").get_caller_identity()
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*irsa-emu: calls that were refused or failed*", "*sts:AssumeRoleWithWebIdentity  REFUSED*", '*wanted  "system:serviceaccount:payments:api"*', '*got     "system:serviceaccount:other:api"*', "*another namespace*"])


@boto3
def test_only_the_calls_of_the_test_are_explained(pytester):
    result = run(pytester, """
import botocore.exceptions

def test_passes(irsa_session):
    with pytest.raises(botocore.exceptions.ClientError):
        irsa_session(ROLE, "earlier/api").client("sts").get_caller_identity()

def test_fails(irsa_session):
    for name in "abcdefg":
        with pytest.raises(botocore.exceptions.ClientError):
            irsa_session(ROLE, "second/" + name).client("sts").get_caller_identity()
    assert False

def test_fails_without_a_call(irsa_emu):
    assert 0 == 1

def test_needs_none():
    assert 2 == 3
""")
    result.assert_outcomes(passed=1, failed=3)
    text = result.stdout.str()
    assert text.count("irsa-emu: calls that were refused") == 1 and "earlier" not in text
    assert "7 calls were refused or failed; these are the last 5." in text and "second:c" in text and "second:b" not in text


@boto3
def test_fixtures_that_fail_are_explained(pytester):
    result = run(pytester, """
@pytest.fixture(scope="session")
def secret(irsa_emu):
    return irsa_emu.session(ROLE, "wide/api").client("sts").get_caller_identity()

@pytest.fixture
def narrow(irsa_session):
    return irsa_session(ROLE, "narrow/api").client("sts").get_caller_identity()

def test_wide(secret): pass
def test_narrow(narrow): pass
""")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(['*got     "system:serviceaccount:wide:api"*', '*got     "system:serviceaccount:narrow:api"*'])


@boto3
def test_tests_leave_nothing_behind(pytester):
    run(pytester, """
def roles(session):
    return {r["RoleName"] for r in session.client("iam").list_roles()["Roles"]}

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}'

@pytest.fixture(scope="session")
def wide(irsa_emu):
    session = irsa_emu.admin_session()
    session.client("iam").create_role(RoleName="wide", AssumeRolePolicyDocument=TRUST)
    irsa_emu.load({"apiVersion": "irsa-emu.dev/v1", "kind": "State", "accounts": {"111122223333": {"secrets": [{"name": "wide", "value": "v"}]}}})
    pod = irsa_emu.session(ROLE, "payments/api")
    pod.client("sts").get_caller_identity()
    return pod

@pytest.mark.parametrize("n", range(3))
def test_it(n, wide, irsa_emu, irsa_admin_session):
    session = irsa_admin_session()
    assert roles(session) == {"payments", "wide"}
    assert [s["Name"] for s in session.client("secretsmanager").list_secrets()["SecretList"]] == ["payments/db", "wide"]
    assert wide.client("secretsmanager").get_secret_value(SecretId="payments/db")["SecretString"] == "open sesame"
    session.client("iam").create_role(RoleName="narrow", AssumeRolePolicyDocument=TRUST)
    session.client("iam").delete_role_policy(RoleName="payments", PolicyName="read")
    irsa_emu.fault(service="iam", code="Throttling", times=1000)
    irsa_emu.clock.advance("3h")

def test_without_the_wide_one(irsa_admin_session):
    assert roles(irsa_admin_session()) == {"payments", "wide"}
""").assert_outcomes(passed=4)


@boto3
def test_markers_give_a_test_its_state(pytester):
    (pytester.path / "suite").mkdir()
    state = {"apiVersion": "irsa-emu.dev/v1", "kind": "State", "accounts": {"111122223333": {"secrets": [{"name": "beside", "value": "v"}]}}}
    (pytester.path / "suite" / "beside.json").write_text(json.dumps(state))
    (pytester.path / "suite" / "test_markers.py").write_text(HEAD + """
@pytest.fixture
def names(irsa_admin_session):
    return sorted(s["Name"] for s in irsa_admin_session().client("secretsmanager").list_secrets()["SecretList"])

inline = {"apiVersion": "irsa-emu.dev/v1", "kind": "State", "accounts": {"111122223333": {"secrets": [{"name": "inline", "value": "v"}]}}}

@pytest.mark.irsa_emu(state="beside.json")
class TestClass:
    def test_file(self, names):
        assert names == ["beside", "payments/db"]

    @pytest.mark.irsa_emu(inline)
    def test_both(self, names):
        assert names == ["beside", "inline", "payments/db"]

def test_neither(names):
    assert names == ["payments/db"]
""")
    pytester.runpytest_subprocess("-q", "--strict-markers").assert_outcomes(passed=3)


@pytest.mark.parametrize("marker, says", [
    ("state='nowhere.yaml'", "*there is neither *nowhere.yaml*"),
    ("states=['a']", "*does not take states; it takes state*"),
    ("{'kind': 'State', 'accounts': {'1': {}}}", "*irsa-emu answers 400:*"),
])
def test_a_bad_marker_is_told(pytester, marker, says):
    result = run(pytester, f"@pytest.mark.irsa_emu({marker})\ndef test_it(irsa_emu): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([says])


def test_faults_clock_and_tokens(pytester):
    with Emulator.start("state.json") as emulator:
        begun = emulator.clock.now()
        emulator.clock.advance(timedelta(hours=2))
        assert timedelta(hours=2) <= emulator.clock.now() - begun < timedelta(hours=3)
        emulator.clock.set(datetime(2030, 1, 1, tzinfo=timezone.utc))
        assert emulator.clock.now().year == 2030
        with pytest.raises(IrsaEmuError, match="time zone"):
            emulator.clock.set(datetime(2030, 1, 1))
        emulator.clock.reset()
        assert abs(emulator.clock.now() - begun) < timedelta(hours=1)
        with pytest.raises(IrsaEmuError, match="answers 400"):
            emulator.fault(service="sts", codes="Throttling")
        assert emulator.token("payments/api").count(".") == 2
        assert emulator.token(profile="github", claims={"repository": "octo-org/octo-repo"}, expires_in_seconds=60)
        with pytest.raises(IrsaEmuError, match="other way round"):
            emulator.pod("payments/api", ROLE)
        with pytest.raises(IrsaEmuError, match="write NAMESPACE/NAME"):
            emulator.pod(ROLE, "payments")
        with pytest.raises(IrsaEmuError, match="carries no request id"):
            emulator.explain(KeyError("x"))
        assert emulator.explain() == "No call was refused so far, and none failed."


def test_token_files_follow_the_clock():
    with Emulator.start() as emulator:
        file = emulator.pod(ROLE, "payments/api")["AWS_WEB_IDENTITY_TOKEN_FILE"]
        first = open(file).read()
        emulator.clock.advance("25h")
        assert open(file).read() != first
    assert not os.path.exists(file)


@boto3
def test_faults_reach_the_program(pytester):
    run(pytester, """
from botocore.exceptions import ClientError

def test_it(irsa_session, irsa_emu):
    irsa_emu.fault(service="secretsmanager", action="GetSecretValue", code="InternalServiceError", status=500, message="not today", times=1000)
    with pytest.raises(ClientError, match="not today"):
        irsa_session(ROLE, "payments/api").client("secretsmanager").get_secret_value(SecretId="payments/db")
    irsa_emu.clear_faults()
    irsa_session(ROLE, "payments/api").client("secretsmanager").get_secret_value(SecretId="payments/db")
""").assert_outcomes(passed=1)


def test_no_binary_is_told(pytester, monkeypatch):
    monkeypatch.delenv("IRSA_EMU", raising=False)
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))
    result = run(pytester, "def test_it(irsa_emu): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*There is no irsa-emu on PATH. Build it*IRSA_EMU*"])
    monkeypatch.setenv("IRSA_EMU", "/nowhere/irsa-emu")
    run(pytester, "def test_it(irsa_emu): pass\n").stdout.fnmatch_lines(["*$IRSA_EMU, /nowhere/irsa-emu, is not a program*"])
    run(pytester, "def test_it(irsa_emu): pass\n", "--irsa-emu-binary", "/else/where").stdout.fnmatch_lines(["*that was named, /else/where, is not a program*"])


def test_a_bad_state_is_told_once(pytester):
    (pytester.path / "bad.yaml").write_text("apiVersion: irsa-emu.dev/v1\nkind: State\naccounts: {'111122223333': {role: []}}\n")
    result = run(pytester, "def test_it(irsa_emu): pass\ndef test_too(irsa_emu): pass\n", "--irsa-emu-state", "bad.yaml")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*irsa-emu ended with exit code ? before it was ready*", "*bad.yaml:3:*role*"])


@boto3
def test_one_that_runs_already(pytester):
    with Emulator.start("state.json") as emulator:
        run(pytester, """
def test_it(irsa_session):
    irsa_session(ROLE, "payments/api").client("sts").get_caller_identity()
""", "--irsa-emu-url", emulator.url).assert_outcomes(passed=1)
        assert emulator.state()["accounts"]["111122223333"]["roles"], "it was stopped or emptied"


def test_with_xdist_each_worker_has_its_own(pytester):
    pytest.importorskip("xdist", reason="there is no pytest-xdist here")
    (pytester.path / "test_workers.py").write_text(HEAD + """
import pathlib
@pytest.mark.parametrize("n", range(8))
def test_it(n, irsa_emu, worker_id):
    pathlib.Path(f"{worker_id}.url").write_text(irsa_emu.url)
    assert [r["name"] for r in irsa_emu.state()["accounts"]["111122223333"]["roles"]] == ["payments"]
    irsa_emu.load({"apiVersion": "irsa-emu.dev/v1", "kind": "State", "accounts": {"111122223333": {"roles": [
        {"name": "narrow", "trustPolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}]}}]}}})
""")
    pytester.runpytest_subprocess("-q", "-n", "2").assert_outcomes(passed=8)
    urls = {f.name: f.read_text() for f in pytester.path.glob("*.url")}
    assert len(urls) == len(set(urls.values())) == 2
    with Emulator.start() as emulator:
        result = pytester.runpytest_subprocess("-q", "-n", "2", "--irsa-emu-url", emulator.url)
        result.stdout.fnmatch_lines(["*--irsa-emu-url with xdist*leave one of the two out*"])


def test_emulators_end_with_a_process_that_is_killed(tmp_path):
    code = "from pytest_irsa_emu import Emulator; import time; e = Emulator.start(); print(e._process.pid, e.url, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        pid, url = process.stdout.readline().split()
        process.kill()
    deadline = time.monotonic() + 60
    while answers(url):
        assert time.monotonic() < deadline, f"{pid} runs on"
        time.sleep(0.05)


def test_nothing_is_left_behind_where_no_emulator_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert not answers("http://127.0.0.1:1")
    assert not list(tmp_path.iterdir())


def answers(url):
    try:
        Emulator.at(url)
    except IrsaEmuError:
        return False
    return True


def test_emulators_end_with_their_session(pytester):
    run(pytester, "def test_it(irsa_emu): open('pid', 'w').write(str(irsa_emu._process.pid))\n").assert_outcomes(passed=1)
    with pytest.raises(ProcessLookupError):
        os.kill(int((pytester.path / "pid").read_text()), 0)
