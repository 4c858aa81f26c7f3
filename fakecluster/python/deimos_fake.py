"""A fake Deimos cluster for tests in Python: starts deimos-fake, and breaks it on demand.

    with deimos_fake.Cluster(nodes=3, clock="manual") as cluster:
        service = Service(cluster.urls)                  # the code under test
        cluster.admin.isolate(1)
        cluster.admin.advance("5s")
        cluster.admin.verify(exactly=1, method="PUT", key="/locks/*")

With pytest, say `pytest_plugins = ["deimos_fake"]` in conftest.py, and take the fixtures `cluster` and `admin`: a fresh
cluster for each test, as `@pytest.mark.deimos(nodes=5, clock="manual")` asks for it.

The program is `deimos-fake` of the PATH, or what the environment variable DEIMOS_FAKE names. Nothing but the standard
library is needed. A Cluster may be used from several threads at once.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import typing
import urllib.error
import urllib.parse
import urllib.request

Json = typing.Any
#: `"1.5s"`, `"200ms"`, …; a number of seconds; a timedelta.
Duration = typing.Union[str, int, float, datetime.timedelta]

__all__ = [
    "Admin", "Answer", "Cluster", "ExpectationFailed", "FakeError", "JournalEntry", "JournalOverflow", "Rule",
    "duration_text", "read_answer",
]


class FakeError(Exception):
    """The admin API refused: `status`, and why. Nothing has changed."""

    def __init__(self, status: int, why: str):
        super().__init__(f"{why} (status {status})")
        self.status = status


class JournalOverflow(Exception):
    """Requests that were asked for had to make room for newer ones: clear the journal, or give it more room."""


class ExpectationFailed(AssertionError):
    """What was verified or waited for is not so; the text says what is, and what came nearest."""

    def __init__(self, why: str, details: dict[str, Json]):
        super().__init__(why)
        self.details = details


@dataclasses.dataclass(frozen=True)
class JournalEntry:
    """One request that came to a node, and what came of it. Fields are as in deimos/fake/journal.h."""

    id: int
    at: str
    node: int
    connection: int
    client: str
    method: str
    key: str
    path: str
    query: str
    form: str
    left_out: int
    outcome: str
    status: int
    duration: str
    rule: int
    rule_name: str
    action: str
    lost: bool

    @staticmethod
    def of(fields: dict[str, Json]) -> JournalEntry:
        names = {field.name for field in dataclasses.fields(JournalEntry)}
        return JournalEntry(**{name: value for name, value in fields.items() if name in names})


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a node answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json:
        return read_answer(self.body)


def read_answer(body: bytes | str) -> Json:
    """The JSON value that an answer of a node begins with.

    A Deimos writes a line after the JSON of an error that came from its store (`Internal Server Error`), and several
    events, a line each, into the body of a streaming watch: there a parser that takes the whole body for one value fails.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    value, _ = json.JSONDecoder().raw_decode(text.lstrip())
    return value


def duration_text(duration: Duration) -> str:
    """As the admin API writes it: `5000000000ns` for 5."""
    if isinstance(duration, str):
        return duration
    if isinstance(duration, datetime.timedelta):
        return f"{duration // datetime.timedelta(microseconds=1)}us"
    return f"{round(duration * 1_000_000_000)}ns"


class Rule:
    """A rule in force; with `with`, for the length of the block."""

    def __init__(self, admin: Admin, number: int, description: str):
        self.id = number
        self.description = description
        self._admin = admin

    def _status(self) -> dict[str, Json]:
        for status in self._admin.rules():
            if status["id"] == self.id:
                return status
        raise LookupError(f"rule {self.id} is gone: {self.description}")

    @property
    def matched(self) -> int:
        """How many requests it matched so far."""
        return self._status()["matched"]

    @property
    def acted(self) -> int:
        """On how many of them it acted."""
        return self._status()["acted"]

    def remove(self) -> None:
        self._admin.call("DELETE", f"/rules/{self.id}")

    def __enter__(self) -> Rule:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.remove()
        except FakeError as error:
            if error.status != 404:  # It may have been removed within.
                raise


class Admin:
    """The admin API of a cluster. Refusals raise FakeError, and have changed nothing.

    Kinds and fields of faults, rules and conditions are those of deimos/fake/fault.h, rule.h and condition.h.
    """

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        # No proxy: the cluster is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method: str, target: str, body: Json = None, timeout: float = 60) -> Json:
        """One request: what it answers, or the exception for what it refuses."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + target, data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            answer = json.loads(error.read() or b"{}")
            why = answer.pop("error", str(error))
            if error.code == 417:
                raise ExpectationFailed(why, answer) from None
            raise FakeError(error.code, why) from None

    # State and time.

    def state(self) -> dict[str, Json]:
        """Leader, term, every node, every rule: as ClusterState in cluster_state.h."""
        return self.call("GET", "/cluster")

    def leader(self) -> int:
        """The node that can commit; 0 if there is none."""
        return self.state()["leader"]

    def now(self) -> str:
        """True time, as `2026-01-01T00:00:05Z`."""
        return self.call("GET", "/clock")["now"]

    def advance(self, by: Duration) -> str:
        """Moves a manual clock, with all that falls due on the way; at most 24 h at a time. Returns the time then."""
        return self.call("POST", "/clock", {"advance": duration_text(by)})["now"]

    def reset(self, seed: int | None = None) -> None:
        """A cluster as if just started: an empty store, no fault, no rule, an empty journal."""
        self.call("POST", "/reset", {} if seed is None else {"seed": seed})

    # Faults.

    def fault(self, kind: str, *, after: Duration | None = None, **fields: Json) -> int:
        """Makes a fault happen, now or later. Returns the id of a later one, for cancel(); else 0."""
        body = {"kind": kind, **_with_durations(fields)}
        if after is not None:
            body["after"] = duration_text(after)
        return self.call("POST", "/faults", body).get("id", 0)

    def pending_faults(self) -> list[dict[str, Json]]:
        return self.call("GET", "/faults")

    def cancel(self, fault: int) -> None:
        self.call("DELETE", f"/faults/{fault}")

    def plan(self, plan: dict[str, Json]) -> list[int]:
        """Runs a plan of faults from now on. Returns their ids; 0 for one that happened at once."""
        answer = self.call("POST", "/plan", plan)
        return [fault.get("id", 0) for fault in answer["faults"]]

    def partition(self, *groups: typing.Sequence[int]) -> None:
        """Nodes reach those of their own group and no others."""
        self.fault("partition", groups=[list(group) for group in groups])

    def isolate(self, node: int) -> None:
        self.fault("isolate", node=node)

    def rejoin(self, node: int) -> None:
        self.fault("rejoin", node=node)

    def heal(self) -> None:
        """Mends every link."""
        self.fault("heal")

    def crash(self, node: int) -> None:
        self.fault("crash", node=node)

    def restart(self, node: int, from_snapshot: bool = False) -> None:
        self.fault("restart", node=node, from_snapshot=from_snapshot)

    def pause(self, node: int) -> None:
        self.fault("pause", node=node)

    def resume(self, node: int) -> None:
        self.fault("resume", node=node)

    def skew_clock(self, node: int, offset: Duration) -> None:
        self.fault("skew_clock", node=node, offset=offset)

    def change_leader(self, to: int = 0) -> None:
        self.fault("change_leader", to=to)

    def expire(self, key: str) -> None:
        """Expires a key now, whether it has a lease or not."""
        self.fault("expire_key", key=key)

    def recover(self) -> None:
        """Undoes every fault, and removes every rule."""
        self.fault("recover")

    # Rules.

    def rule(self, action: str | dict[str, Json], *, name: str = "", **match: Json) -> Rule:
        """Adds a rule, the last of the chain: `rule("drop_answer", method="PUT", key="/locks/*", nth=1)`.

        An action with fields is an object: `{"kind": "delay", "least": "50ms", "most": "2s"}`.
        """
        if isinstance(action, dict):
            action = _with_durations(action)
        answer = self.call("POST", "/rules", {"name": name, "match": match, "action": action})
        return Rule(self, answer["id"], answer["description"])

    def stub(self, status: int = 200, *, body: str = "", json_body: Json = None, headers: dict[str, str] | None = None,
             content_type: str | None = None, name: str = "", **match: Json) -> Rule:
        """Answers in place of a node, which never sees the request: `stub(503, key="/config/**", times=2)`."""
        if json_body is not None:
            body, content_type = json.dumps(json_body), content_type or "application/json"
        action: dict[str, Json] = {"kind": "answer", "status": status, "body": body, "headers": headers or {}}
        if content_type is not None:
            action["content_type"] = content_type
        return self.rule(action, name=name, **match)

    def count(self, *, name: str = "", **match: Json) -> Rule:
        """Counts requests, and lets later rules act on them: see Rule.acted."""
        return self.rule("count", name=name, **match)

    def rules(self) -> list[dict[str, Json]]:
        return self.call("GET", "/rules")

    def remove_rules(self) -> None:
        self.call("DELETE", "/rules")

    # The journal.

    def journal(self, *, limit: int | None = None, **filter: Json) -> list[JournalEntry]:
        """What was asked, the oldest first: `journal(method="PUT", key="/locks/**", client="a", since=7)`.

        Raises JournalOverflow if requests that could be among them had to make room for newer ones.
        """
        if limit is not None:
            filter["limit"] = limit
        query = urllib.parse.urlencode({name: _query_text(value) for name, value in filter.items()})
        answer = self.call("GET", "/journal" + ("?" + query if query else ""))
        if answer["forgotten"]:
            raise JournalOverflow(f"{answer['forgotten']} requests had to make room for newer ones")
        return [JournalEntry.of(entry) for entry in answer["entries"]]

    def last_request(self) -> int:
        """The id of the latest request, for `since=`; 0 if there was none."""
        return self.call("GET", "/journal?limit=0")["last"]

    def verify(self, *, exactly: int | None = None, at_least: int | None = None, at_most: int | None = None,
               **filter: Json) -> int:
        """How many requests match; raises ExpectationFailed, with those that came nearest, if it is another number."""
        times = {"exactly": exactly, "at_least": at_least, "at_most": at_most}
        body = {"match": filter, **{name: value for name, value in times.items() if value is not None}}
        return self.call("POST", "/journal/verify", body)["count"]

    def clear_journal(self) -> None:
        self.call("DELETE", "/journal")

    # Waiting.

    def wait_until(self, kind: str, *, within: Duration = "30s", settle: Duration | None = None, **fields: Json) -> str:
        """Waits until a condition holds: `wait_until("key_has_value", key="/a", value="1", within="5s")`.

        A manual clock is moved to the instant at which it does; `settle` is the real time that clients get, each time
        something has happened, to act on it (100 ms if not given). With the real clock, time passes. Returns what held;
        raises ExpectationFailed, with the nearest miss, if nothing did `within` that time of the cluster.
        """
        body = {"until": {"kind": kind, **fields}, "within": duration_text(within),
                "settle": duration_text("100ms" if settle is None else settle)}
        return self.call("POST", "/wait", body, timeout=24 * 3600)["description"]

    def wait_for_key(self, key: str, value: str | None = None, **options: Json) -> str:
        if value is None:
            return self.wait_until("key_exists", key=key, **options)
        return self.wait_until("key_has_value", key=key, value=value, **options)

    def wait_for_absence(self, key: str, **options: Json) -> str:
        return self.wait_until("key_absent", key=key, **options)

    def wait_for_requests(self, at_least: int = 1, *, within: Duration = "30s", settle: Duration | None = None,
                          **filter: Json) -> str:
        return self.wait_until("journal_has", match=filter, at_least=at_least, within=within, settle=settle)

    def wait_for_leader(self, node: int = 0, **options: Json) -> str:
        """Until `node` leads; 0: until some node does."""
        return self.wait_until("leader_is", node=node, **options)

    def wait_for_watches(self, at_least: int = 1, **options: Json) -> str:
        return self.wait_until("watches_open", at_least=at_least, **options)

    # What is stored.

    def data(self, indexes: bool = False) -> dict[str, Json]:
        """All that is stored, as load() takes it; with the store's indexes, if they are asked for."""
        return self.call("GET", "/data" + ("?indexes=true" if indexes else ""))

    def load(self, data: dict[str, Json]) -> None:
        """Replaces all that is stored: by what data() gave, or by values alone, `{"/config/rate": "100"}`."""
        if "entries" not in data:
            data = {"entries": [{"key": key, "value": value} for key, value in data.items()]}
        self.call("PUT", "/data", data)

    def values(self) -> dict[str, str]:
        """Every file that is stored and its value."""
        return {entry["key"]: entry["value"] for entry in self.data()["entries"] if "key" in entry and "value" in entry}


def _with_durations(fields: dict[str, Json]) -> dict[str, Json]:
    names = {"least", "most", "behind", "offset", "by", "duration", "at_most"}
    timed = (int, float, datetime.timedelta)
    return {name: duration_text(value) if name in names and isinstance(value, timed) else value
            for name, value in fields.items()}


def _query_text(value: Json) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class Cluster:
    """deimos-fake, running from the construction to close(), at ports that are free.

    `urls` are those of the nodes, node 1 first; `admin` is the API that breaks it. `clock` is "real", or "manual": one
    that moves only when it is told to. `data` and `plan` are as Admin.load() and Admin.plan() take them. `log` has the
    program write a line for each request: see log(). `arguments` are further ones of the program.
    """

    def __init__(self, nodes: int = 3, *, seed: int = 0, clock: str = "real", data: dict[str, Json] | None = None,
                 plan: dict[str, Json] | None = None, log: bool = False, program: str | None = None,
                 arguments: typing.Sequence[str] = ()):
        command = [_program(program), "--nodes", str(nodes), "--seed", str(seed), "--clock", clock,
                   "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *arguments]
        if log:
            command.append("--log")
        if threading.current_thread() is threading.main_thread():
            command.append("--die-with-parent")  # In whatever way we end. (It would end with another thread.)
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors)
        try:
            lines = self._lines(nodes + 1)
            self.urls: list[str] = lines[:-1]
            self.admin = Admin(lines[-1].removeprefix("admin "))
            if data is not None:
                self.admin.load(data)
            if plan is not None:
                self.admin.plan(plan)
        except BaseException:
            self.close()
            raise

    def _lines(self, count: int, within: float = 30) -> list[str]:
        """The first lines of its output: it is ready then."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        text = b""
        deadline = time.monotonic() + within
        while text.count(b"\n") < count:
            readable, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(output, 4096) if readable else b""
            if not piece:
                raise RuntimeError(f"deimos-fake did not start: {self.log() or 'no word of it'}")
            text += piece
        return text.decode().splitlines()

    def log(self) -> str:
        """What it wrote to its standard error so far: a line for each request, if it was told to."""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace")

    def request(self, method: str, key: str, form: dict[str, str] | None = None, *, node: int = 1, client: str = "",
                timeout: float = 30, **parameters: str) -> Answer:
        """One request for a key, as a client sends it: `request("PUT", "/a", {"value": "1"}, prevExists="false")`."""
        target = "/keys" + urllib.parse.quote(key)
        if parameters:
            target += "?" + urllib.parse.urlencode(parameters)
        headers = {"X-Deimos-Client": client} if client else {}
        data = None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = urllib.request.Request(self.urls[node - 1] + target, data=data, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    def put(self, key: str, value: str, **parameters: str) -> Answer:
        return self.request("PUT", key, {"value": value, **parameters})

    def get(self, key: str, **parameters: str) -> Answer:
        return self.request("GET", key, **parameters)

    def close(self) -> None:
        """Ends the program. May be called again."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._errors.close()


def _program(given: str | None) -> str:
    found = given or os.environ.get("DEIMOS_FAKE") or shutil.which("deimos-fake")
    if not found:
        raise FileNotFoundError("there is no deimos-fake on the PATH, and DEIMOS_FAKE does not name one")
    return found


try:
    import pytest
except ImportError:  # The rest does without.
    pass
else:

    def pytest_configure(config: pytest.Config) -> None:
        config.addinivalue_line("markers", "deimos(nodes, seed, clock, data, plan, log, arguments): a test's cluster")

    @pytest.fixture(scope="session")
    def deimos_clusters() -> typing.Iterator[typing.Callable[..., Cluster]]:
        """One running program for each set of options, for all tests."""
        running: dict[str, Cluster] = {}

        def cluster_with(**options: Json) -> Cluster:
            name = repr(sorted(options.items()))
            if name not in running or not running[name].is_running():
                running[name] = Cluster(**options)
            return running[name]

        yield cluster_with
        for cluster in running.values():
            cluster.close()

    @pytest.fixture
    def cluster(request: pytest.FixtureRequest,
                deimos_clusters: typing.Callable[..., Cluster]) -> typing.Iterator[Cluster]:
        """A cluster as if just started."""
        marker = request.node.get_closest_marker("deimos")
        options = dict(marker.kwargs) if marker else {}
        data, plan = options.pop("data", None), options.pop("plan", None)
        fresh = deimos_clusters(**options)
        fresh.admin.reset()
        if data is not None:
            fresh.admin.load(data)
        if plan is not None:
            fresh.admin.plan(plan)
        yield fresh
        if fresh.is_running():
            fresh.admin.recover()

    @pytest.fixture
    def admin(cluster: Cluster) -> Admin:
        """What breaks the cluster."""
        return cluster.admin
