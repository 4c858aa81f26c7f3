"""The Python side of deimos-fake, against the program."""

import datetime
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import deimos_fake
import pytest


def test_nodes_answer_at_their_urls(cluster):
    assert len(cluster.urls) == 3
    assert cluster.put("/a", "1").status == 201
    assert cluster.request("GET", "/a", node=3).json()["node"]["value"] == "1"


def test_each_test_has_a_fresh_cluster(cluster, admin):
    assert cluster.get("/a").status == 404
    assert admin.rules() == []
    assert [entry.id for entry in admin.journal()] == [1]


def test_an_error_is_json_and_a_second_line(cluster):
    answer = cluster.get("/none")
    assert answer.body.count(b"\n") == 2
    assert answer.body.endswith(b"\nInternal Server Error\n")
    assert answer.json()["errorCode"] == 100
    assert deimos_fake.read_answer(b'{"a": 1}\n{"b": 2}\n') == {"a": 1}


def test_faults_happen_and_are_undone(admin):
    admin.partition([1], [2], [3])
    assert admin.leader() == 0
    admin.heal()
    admin.wait_for_leader(within=30)
    admin.crash(2)
    assert not admin.state()["nodes"][1]["running"]
    admin.restart(2)
    later = admin.fault("crash", node=3, after=datetime.timedelta(hours=1))
    assert [fault["id"] for fault in admin.pending_faults()] == [later]
    admin.cancel(later)
    assert admin.pending_faults() == []


def test_what_is_impossible_is_refused_and_said(admin):
    with pytest.raises(deimos_fake.FakeError, match="there is no node 9") as refused:
        admin.crash(9)
    assert refused.value.status == 400
    with pytest.raises(deimos_fake.FakeError, match="the clock moves by itself") as refused:
        admin.advance(1)
    assert refused.value.status == 409


@pytest.mark.deimos(clock="manual")
def test_a_manual_clock_moves_when_it_is_told_to(cluster, admin):
    cluster.put("/a", "1", ttl="5")
    assert admin.advance("4.5s") == "2026-01-01T00:00:04.5Z"
    assert cluster.get("/a").status == 200
    assert admin.advance(0.5) == "2026-01-01T00:00:05Z"
    assert cluster.get("/a").status == 404


def test_rules_act_on_what_they_match(cluster, admin):
    with admin.rule("refuse_connection", client="victim") as rule:
        with pytest.raises(OSError):
            cluster.request("GET", "/a", client="victim")
        assert cluster.request("GET", "/a", client="other").status == 404
        assert (rule.matched, rule.acted) == (1, 1)
    assert admin.rules() == []
    with admin.rule({"kind": "delay", "least": 0.001, "most": datetime.timedelta(milliseconds=2)}, name="slow"):
        assert cluster.get("/a").status == 404
        admin.remove_rules()


def test_stubs_answer_within_their_limits(cluster, admin):
    admin.stub(503, body="busy", headers={"Retry-After": "1"}, key="/a", times=1, after=1)
    assert cluster.get("/a").status == 404
    answer = cluster.get("/a")
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (503, b"busy", "1")
    assert cluster.get("/a").status == 404
    admin.stub(json_body={"x": [1]}, key="/b")
    assert cluster.get("/b").json() == {"x": [1]}


def test_counting_shadows_no_other_rule(cluster, admin):
    counted = admin.count(method="PUT", name="writes")
    admin.stub(418, method="PUT")
    assert [cluster.put("/a", "1").status for _ in range(3)] == [418] * 3
    assert counted.acted == 3


def test_the_journal_tells_who_asked_what(cluster, admin):
    cluster.request("PUT", "/locks/a", {"value": "1"}, node=2, client="worker", prevExists="false")
    cluster.get("/other")
    [entry] = admin.journal(method="PUT", key="/locks/*", client="work*")
    assert (entry.node, entry.client, entry.status, entry.outcome) == (2, "worker", 201, "answered")
    assert (entry.query, entry.form, entry.key) == ("prevExists=false", "value=1", "/locks/a")
    assert entry.connection > 0
    assert len({entry.connection for entry in admin.journal(node=1)} | {0}) == 2
    since = admin.last_request()
    cluster.get("/third")
    assert [entry.key for entry in admin.journal(since=since)] == ["/third"]
    assert [entry.key for entry in admin.journal(limit=1)] == ["/locks/a"]
    assert admin.journal(lost=True) == []
    admin.clear_journal()
    assert admin.journal() == []


def test_verification_shows_what_came_nearest(cluster, admin):
    cluster.put("/a", "1")
    assert admin.verify(exactly=1, method="PUT") == 1
    assert admin.verify(at_least=0, at_most=1, method="PUT") == 1
    with pytest.raises(deimos_fake.ExpectationFailed, match="expected exactly 2 requests: DELETE of /a") as failed:
        admin.verify(exactly=2, method="DELETE", key="/a")
    assert "PUT /keys/a" in str(failed.value) and "not its method" in str(failed.value)
    assert failed.value.details["count"] == 0
    with pytest.raises(deimos_fake.FakeError, match="'filter' has no field 'verb'"):
        admin.verify(exactly=1, verb="PUT")


@pytest.mark.deimos(arguments=("--journal", "2"))
def test_a_journal_that_overflowed_says_so(cluster, admin):
    for _ in range(3):
        cluster.get("/a")
    with pytest.raises(deimos_fake.JournalOverflow, match="1 requests had to make room"):
        admin.journal()
    with pytest.raises(deimos_fake.ExpectationFailed, match="the journal was full"):
        admin.verify(exactly=2, key="/a")


@pytest.mark.deimos(clock="manual")
def test_waiting_moves_a_manual_clock_and_lets_clients_act(cluster, admin):
    cluster.put("/lease", "mine", ttl="5")

    def take_over():
        cluster.request("GET", "/lease", wait="true")  # Until it expires.
        cluster.put("/lease", "yours")

    client = threading.Thread(target=take_over)
    client.start()
    admin.wait_for_watches(within=0, settle=10)
    admin.wait_for_key("/lease", "yours", within="1min", settle=3)
    client.join()
    assert admin.now() == "2026-01-01T00:00:05Z"
    with pytest.raises(deimos_fake.ExpectationFailed, match="'/lease' has the value 'yours'"):
        admin.wait_for_absence("/lease", within="1s")
    assert admin.now() == "2026-01-01T00:00:06Z"


def test_waiting_with_the_real_clock_lets_time_pass(cluster, admin):
    writer = threading.Thread(target=lambda: [cluster.put("/a", str(n)) for n in range(3)])
    writer.start()
    admin.wait_for_requests(3, method="PUT", key="/a", within=20)
    writer.join()
    begin = time.monotonic()
    with pytest.raises(deimos_fake.ExpectationFailed, match="node 2 leads. node 1 leads"):
        admin.wait_for_leader(2, within=0.05)
    assert time.monotonic() - begin >= 0.05


@pytest.mark.deimos(clock="manual", data={"/config/rate": "100"})
def test_data_is_preloaded_dumped_and_loaded_again(cluster, admin):
    assert admin.values() == {"/config/rate": "100"}
    cluster.put("/lease", "1", ttl="30")
    for indexes in (False, True):
        dump = admin.data(indexes)
        admin.load(dump)
        assert admin.data(indexes) == dump
        admin.reset()
        admin.load(dump)
        assert admin.data(indexes) == dump
    with pytest.raises(deimos_fake.FakeError, match="is not a key"):
        admin.load({"no key": "1"})
    assert admin.values() == {"/config/rate": "100", "/lease": "1"}


PLAN = {"faults": [{"kind": "crash", "node": 3, "after": "1s"}, {"kind": "isolate", "node": 2}]}


@pytest.mark.deimos(clock="manual", plan=PLAN)
def test_a_plan_runs(admin):
    state = admin.state()
    assert state["nodes"][1]["reaches"] == [] and state["nodes"][2]["running"]
    admin.advance(1)
    assert not admin.state()["nodes"][2]["running"]
    assert admin.plan({"faults": ["heal", {"kind": "restart", "node": 3, "after": "2s"}]}) == [0, 2]


def test_the_program_ends_and_says_why_it_did_not_start():
    with deimos_fake.Cluster(nodes=1, log=True) as cluster:
        cluster.put("/a", "1")
        assert re.search(r"Z node1 - PUT /keys/a 201 \d+\.\d{3}ms\n", cluster.log())
        url = cluster.urls[0]
    assert not cluster.is_running()
    assert url
    with pytest.raises(RuntimeError, match="--nodes"):
        deimos_fake.Cluster(nodes=1000)
    with pytest.raises(deimos_fake.FakeError, match="is not a key"):
        deimos_fake.Cluster(nodes=1, data={"a": "1"})


def test_a_cluster_may_be_made_in_a_thread_that_ends():
    made = []
    maker = threading.Thread(target=lambda: made.append(deimos_fake.Cluster(nodes=1)))
    maker.start()
    maker.join()
    with made[0] as cluster:
        assert cluster.put("/a", "1").status == 201


def test_durations_are_written_exactly():
    assert deimos_fake.duration_text("1.5min") == "1.5min"
    assert deimos_fake.duration_text(0.1) == "100000000ns"
    assert deimos_fake.duration_text(datetime.timedelta(seconds=-1, microseconds=1)) == "-999999us"


def readme_blocks():
    text = pathlib.Path(os.environ["DEIMOS_README"]).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("block", readme_blocks())
def test_what_the_readme_shows_works(block, tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["deimos_fake"]\n')
    (tmp_path / "test_readme.py").write_text(block)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=100)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout


def test_the_readme_shows_something():
    assert readme_blocks()
