# SPDX-License-Identifier: Apache-2.0
"""The plugin: fixtures, the marker ``irsa_emu``, options, and the section of a failed test's report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Generator, Iterator, List, Optional, TypeVar

import pytest

from .emulator import Emulator
from .environment import changed
from .errors import IrsaEmuError

if TYPE_CHECKING:
    import boto3

#: How many calls a failed test's report explains.
MOST_EXPLAINED = 5

_MARKER = "irsa_emu(*state, state=None): State documents (files beside the test or below the root folder, or dicts) that the test starts with"


class _Test:
    """One test that has an emulator, and the ids of the requests that were made before it."""

    def __init__(self, emulator: Emulator, known: FrozenSet[str] = frozenset()) -> None:
        self.emulator = emulator
        self.known = known

    def explanation(self) -> str:
        bad = [d for d in self.emulator.decisions(limit=_ALL) if d["outcome"] != "allowed" and d["requestId"] not in self.known]
        texts = [self.emulator.explain(d["requestId"]).rstrip() for d in reversed(bad[:MOST_EXPLAINED])]
        if len(bad) > MOST_EXPLAINED:
            texts.insert(0, f"{len(bad)} calls were refused or failed; these are the last {MOST_EXPLAINED}.")
        return "\n\n".join(texts)


_T = TypeVar("_T")

_ALL = 1 << 20  # more decisions than an emulator keeps

_test_key: "pytest.StashKey[_Test]" = pytest.StashKey()
_emulator_key: "pytest.StashKey[Emulator]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("irsa-emu", "AWS credentials of Kubernetes service accounts, from irsa-emu")
    group.addoption("--irsa-emu-state", action="append", default=[], metavar="FILE", help="state that the emulator starts with: whatever irsa-emu serve --given takes (repeatable)")
    group.addoption("--irsa-emu-binary", metavar="FILE", help="the program (default: $IRSA_EMU, else irsa-emu on PATH)")
    group.addoption("--irsa-emu-url", metavar="URL", help="use an emulator that runs already, such as in a container, and start none")
    group.addoption("--irsa-emu-control-token", metavar="TOKEN", help="its control token, where it listens beyond loopback")
    parser.addini("irsa_emu_state", "files that the emulator starts with, relative to this file", type="paths")
    parser.addini("irsa_emu_binary", "the program irsa-emu, relative to this file if it has a slash")
    parser.addini("irsa_emu_args", "further flags of irsa-emu serve", type="args")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def irsa_emu(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """The emulator of this session, of each worker its own. What a test does to it is undone after the test;
    what fixtures of a wider scope did stays for their tests."""
    config = request.config
    with _told(_started, config) as emulator:
        config.stash[_emulator_key] = emulator
        yield emulator
        del config.stash[_emulator_key]


def _started(config: pytest.Config) -> Emulator:
    state = [*config.getini("irsa_emu_state"), *(os.path.join(str(config.invocation_params.dir), f) for f in config.getoption("--irsa-emu-state"))]
    url = config.getoption("--irsa-emu-url")
    if not url:
        return Emulator.start(*state, binary=config.getoption("--irsa-emu-binary") or _ini_binary(config), args=config.getini("irsa_emu_args"))
    if hasattr(config, "workerinput"):
        raise IrsaEmuError("--irsa-emu-url with xdist: its workers would undo each other's changes in the one emulator; leave one of the two out")
    emulator = Emulator.at(url, config.getoption("--irsa-emu-control-token"))
    emulator.load(*state)
    return emulator


def _ini_binary(config: pytest.Config) -> Optional[str]:
    named: str = config.getini("irsa_emu_binary")
    if os.sep not in named:
        return named or None
    return str((config.inipath.parent if config.inipath else config.rootpath) / named)


@pytest.fixture(autouse=True)
def _irsa_emu_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    node = request.node
    markers = list(node.iter_markers("irsa_emu"))
    if not markers and "irsa_emu" not in request.fixturenames:
        yield
        return
    emulator: Emulator = request.getfixturevalue("irsa_emu")
    node.stash[_test_key] = _Test(emulator, frozenset(d["requestId"] for d in emulator.decisions(limit=_ALL)))
    with emulator.isolated():
        for marker in reversed(markers):  # the widest first
            _told(_load, emulator, node, marker)
        yield


def _told(do: Callable[..., _T], *args: Any) -> _T:
    """Calls a function; what it cannot do is told without a traceback, which would be of this plugin."""
    try:
        return do(*args)
    except IrsaEmuError as e:
        error = str(e)
    pytest.fail(error, pytrace=False)


def _load(emulator: Emulator, node: pytest.Item, marker: pytest.Mark) -> None:
    emulator.load(*_marked(node, marker))


def _marked(node: pytest.Item, marker: pytest.Mark) -> List[Any]:
    unknown = set(marker.kwargs) - {"state"}
    if unknown:
        raise IrsaEmuError(f"@pytest.mark.irsa_emu does not take {', '.join(sorted(unknown))}; it takes state")
    named = marker.kwargs.get("state", [])
    return [_found(node, s) for s in [*marker.args, *(named if isinstance(named, (list, tuple)) else [named])]]


def _found(node: pytest.Item, state: Any) -> Any:
    if not isinstance(state, (str, os.PathLike)):
        return state
    places = [node.path.parent / state, node.config.rootpath / state]
    for place in places:
        if place.exists():
            return place
    raise IrsaEmuError(f"@pytest.mark.irsa_emu: there is neither {' nor '.join(dict.fromkeys(map(str, places)))}")


class SessionFactory:
    """``irsa_session(role, service_account)``: a boto3 Session with a pod's credentials."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def __call__(self, role: str, service_account: str, region: Optional[str] = None) -> "boto3.Session":
        return self._emulator.session(role, service_account, region)


class AdminFactory:
    """``irsa_admin_session(account)``: a boto3 Session of an account's administrator."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def __call__(self, account: Optional[str] = None, region: Optional[str] = None) -> "boto3.Session":
        return self._emulator.admin_session(account, region)


class PodFactory:
    """``irsa_pod(role, service_account)``: this process is in the pod until the test ends."""

    def __init__(self, emulator: Emulator, patch: pytest.MonkeyPatch) -> None:
        self._emulator = emulator
        self._patch = patch

    def __call__(self, role: str, service_account: str, region: Optional[str] = None) -> Dict[str, str]:
        """Sets os.environ, takes back boto3's default session, and returns the environment for child processes."""
        changes = self._emulator.pod(role, service_account, region)
        for name, value in changes.items():
            if value is None:
                self._patch.delenv(name, raising=False)
            else:
                self._patch.setenv(name, value)
        try:
            import boto3
        except ImportError:
            pass
        else:  # else boto3.client would go on with the credentials of before
            self._patch.setattr(boto3, "DEFAULT_SESSION", None)
        return changed(changes)


@pytest.fixture
def irsa_session(irsa_emu: Emulator) -> SessionFactory:
    """``irsa_session(role, service_account)`` is a boto3 Session with the credentials of a pod of that service account."""
    return SessionFactory(irsa_emu)


@pytest.fixture
def irsa_admin_session(irsa_emu: Emulator) -> AdminFactory:
    """``irsa_admin_session()`` is a boto3 Session of the default account's administrator; an account may be named."""
    return AdminFactory(irsa_emu)


@pytest.fixture
def irsa_pod(irsa_emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> PodFactory:
    """``irsa_pod(role, service_account)`` puts this process into a pod of that service account: its environment
    is as the pod identity webhook makes it, until the test ends. Returns it for child processes."""
    return PodFactory(irsa_emu, monkeypatch)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """A failed test's report says why irsa-emu refused its calls."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    test = item.stash.get(_test_key, None)
    if test is None:  # a fixture of a wider scope may have failed
        emulator = item.config.stash.get(_emulator_key, None)
        if emulator is None or "irsa_emu" not in getattr(item, "fixturenames", ()):
            return
        test = _Test(emulator)
    try:
        text = test.explanation()
    except IrsaEmuError as e:
        text = str(e)
    if text:
        report.sections.append(("irsa-emu: calls that were refused or failed", text))
