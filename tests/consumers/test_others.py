"""Programs that were written for Statuspage by others, against a live Candor."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from atlassian.statuspage import StatusPage
from reader import make_reader

from app.actions.posts.publishing import open_post, publish_update
from app.settings import Settings
from app.shapes import ComponentEffect, UpdateDraft
from app.vocabulary import ComponentStatus, PostStatus
from tests.consumers.conftest import Live
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.faults.visitor import until
from tests.processes import free_port

pytestmark = pytest.mark.database
CLIENT = "statuspage.io@3.3.8"


def outage(settings: Settings, page_id: int, live: Live) -> str:
    effects = (ComponentEffect(live.component, ComponentStatus.MAJOR_OUTAGE),)
    return open_post(settings, LENA, page_id, draft(title="Nothing works", effects=effects)).post_id


def test_atlassian_python_api_runs_an_incident(live: Live) -> None:
    client = StatusPage(url=live.url, token=live.token)
    assert [page["id"] for page in client.page_list_pages()] == [live.page_id]
    made = client.page_create_incident(
        live.page_id, {"name": "Slow", "body": "We look.", "components": {live.component: "partial_outage"}}
    )
    assert client.page_list_unresolved_incidents(live.page_id)[0]["id"] == made["id"]
    client.page_update_incident(live.page_id, made["id"], {"status": "resolved"})
    assert client.page_list_unresolved_incidents(live.page_id) == []
    assert client.page_get_incident(live.page_id, made["id"])["status"] == "resolved"
    client.page_update_component(live.page_id, live.component, {"status": "operational"})
    assert client.page_get_component(live.page_id, live.component)["status"] == "operational"
    wanted = {"name": "Europe", "components": [live.component]}  # the library itself misspells the name of this object
    group = client.post(f"v1/pages/{live.page_id}/component-groups", data={"component_group": wanted})
    assert client.page_get_component_group(live.page_id, group["id"])["components"] == [live.component]
    person = client.page_create_subscriber(live.page_id, {"email": "eve@example.com"})
    assert client.page_get_subscriber(live.page_id, person["id"])["email"] == "eve@example.com"
    assert client.page_get_histogram_of_subscribers_with_state(live.page_id)["email"]["unconfirmed"] == 1
    client.page_unsubscribe_subscriber(live.page_id, person["id"])
    template = {"name": "Net", "title": "Network", "body": "We look.", "update_status": "investigating"}
    assert client.page_create_template(live.page_id, template)["name"] == "Net"


def test_the_prometheus_exporter_sees_an_outage(live: Live, settings: Settings, page_id: int, tmp_path: Path) -> None:
    outage(settings, page_id, live)
    services = {"acme": {"url": f"{live.url}/api/v2/summary.json", "name": "Acme"}}
    (tmp_path / "services.json").write_text(json.dumps(services))
    port = free_port()
    program = Path(sys.executable).with_name("statuspage-prometheus-exporter")
    environment = {**os.environ, "SERVICES_JSON_PATH": str(tmp_path / "services.json"), "METRICS_PORT": str(port)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program], cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: 'statuspage_probe_check{service_name="Acme"}' in scraped(port), 30)
        told = scraped(port)
    finally:
        process.kill()
        process.wait()
    assert 'statuspage_service_status{service_name="Acme"} 0.0' in told
    assert 'statuspage_component_status{component_name="API",service_name="Acme"} 0.0' in told
    assert 'statuspage_probe_check{service_name="Acme"} 1.0' in told
    assert 'incident_name="Nothing works"' in told or "Nothing works" in told


def scraped(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def test_a_feed_reader_keeps_up_and_asks_for_nothing_twice(live: Live, settings: Settings, page_id: int) -> None:
    post = outage(settings, page_id, live)
    with make_reader(":memory:") as reader:
        for name in ("/history.atom", "/history.rss", "/feed.json", f"/components/{live.component}/feed.atom"):
            reader.add_feed(f"{live.url}{name}")
        reader.update_feeds(scheduled=False)
        assert {entry.title for entry in reader.get_entries()} == {"Nothing works"}
        assert len(list(reader.get_entries())) == 4
        live.asked.clear()
        reader.update_feeds(scheduled=False)
        assert {status for _, status in live.asked} == {304}
        publish_update(
            settings, LENA, page_id, post, UpdateDraft(PostStatus.RESOLVED, "All is well.", "key-00000002", 1)
        )
        reader.update_feeds(scheduled=False)
        told = [entry.get_content() for entry in reader.get_entries()]
        assert len(told) == 4 and all(one is not None and "All is well." in one.value for one in told)


def test_sfeed_reads_the_feeds(live: Live, settings: Settings, page_id: int) -> None:
    if shutil.which("sfeed") is None:
        pytest.skip("sfeed is not installed")
    outage(settings, page_id, live)
    for name in ("/history.atom", "/history.rss"):
        with urllib.request.urlopen(f"{live.url}{name}", timeout=10) as answer:
            raw = answer.read()
        told = subprocess.run(["sfeed"], input=raw, capture_output=True, check=True, timeout=30).stdout.decode()
        when, title, link = told.split("\t")[:3]
        assert (title, "/incidents/" in link) == ("Nothing works", True) and int(when) > 1_700_000_000


SCRIPT = """
const {Statuspage} = require('statuspage.io');
const page = new Statuspage('x');
page.setApiUrl(process.argv[2]);
(async () => {
  const found = {};
  found.summary = await page.api.getSummary();
  found.status = await page.api.getStatus();
  found.components = await page.api.getComponents();
  found.incidents = await page.api.incidents.getAll();
  found.unresolved = await page.api.incidents.getUnresolved();
  found.upcoming = await page.api.scheduledMaintenances.getUpcoming();
  found.active = await page.api.scheduledMaintenances.getActive();
  console.log(JSON.stringify(found));
})().catch((fault) => { console.error(fault); process.exit(1); });
"""


def test_the_client_from_npm(live: Live, settings: Settings, page_id: int, tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node is not installed: the client from npm was not tried")
    installed = subprocess.run(
        [npm, "install", "--no-save", "--ignore-scripts", CLIENT],
        check=False, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if installed.returncode:
        pytest.skip(f"npm could not install {CLIENT}: {installed.stderr[-200:]}")
    outage(settings, page_id, live)
    (tmp_path / "ask.js").write_text(SCRIPT)
    told = subprocess.run(
        [node, "ask.js", live.url], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    assert found["summary"]["incidents"][0]["name"] == "Nothing works"
    assert len(found["incidents"]["incidents"]) == len(found["unresolved"]["incidents"]) == 1
    assert found["upcoming"]["scheduled_maintenances"] == found["active"]["scheduled_maintenances"] == []
    assert found["status"]["status"]["indicator"] == "critical"
    assert found["components"]["components"][0]["id"] == live.component
