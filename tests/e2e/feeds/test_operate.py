"""docs/operate.md, each of its steps tried on a lake of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path

from built import ROOT, built
from door_server import CHAT, Door, bearer, datalake, door

INGEST = "/v1/ingest/chat"
CURVE = "ec_paramgen_curve:prime256v1"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    chain, key = folder / "fullchain.pem", folder / "privkey.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-days", "2"]
    names = ["-subj", "/CN=lake", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", *words, *names, "-keyout", str(key), "-out", str(chain)]
    subprocess.run(command, check=True, capture_output=True)
    return chain, key


def settings(folder: Path, lake: Path, chain: Path, key: Path) -> Path:
    """Those of step 4 with this test's paths and any port."""
    text = (ROOT / "docs/operate.md").read_text("utf-8")
    yaml = text.split("## 4.")[1].split("```yaml\n")[1].split("```")[0]
    yaml = yaml.replace("/srv/lake", str(lake)).replace("port: 8443", "port: 0")
    yaml = yaml.replace("/etc/datalake/tls/fullchain.pem", str(chain))
    yaml = yaml.replace("/etc/datalake/tls/privkey.pem", str(key))
    config = folder / "config.yaml"
    config.write_text(yaml)
    return config


def get(server: Door, path: str, secret: str, chain: Path) -> tuple[int, str]:
    status, _, body = server.call("GET", path, None, bearer(secret) if secret else {}, chain)
    return status, body


def test_ten_steps(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    datalake(lake, "init", str(lake))  # 1
    admin = datalake(lake, "token", "create", "admin", "--role", "admin", "--expires", "90d")  # 2
    words = ["--role", "contribute", "--feed", "chat", "--rate", "600"]
    app = datalake(lake, "token", "create", "desktop-app", *words)
    prometheus = datalake(lake, "token", "create", "prometheus", "--role", "read")
    assert len(datalake(lake, "token", "list").splitlines()) == 3
    chain, key = make_certificate(tmp_path)  # 3
    config = settings(tmp_path, lake, chain, key)  # 4
    with door(lake, "--config", str(config), env={}) as server:  # 5
        assert get(server, "/v1/health", "", chain)[0] == 200  # 6
        assert get(server, "/v1/ready", admin, chain)[0] == 200
        status, metrics = get(server, "/metrics", prometheus, chain)
        assert status == 200
        assert 'datalake_feed_up{feed="chat"} 1' in metrics
        assert get(server, "/metrics", "", chain)[0] == 401
        for secret, name in ((app, "with-token"), ("", "without")):
            headers = bearer(secret) if secret else {}
            chat = CHAT | {"ingest_id": name}
            assert server.call("POST", INGEST, chat, headers, chain)[0] == 200
        shutil.copytree(lake, tmp_path / "backup")  # 7, first round
    shutil.rmtree(tmp_path / "backup")
    shutil.copytree(lake, tmp_path / "backup")  # 7, second round
    shutil.rmtree(lake)
    restored = tmp_path / "restored"  # 8
    shutil.copytree(tmp_path / "backup", restored, ignore=shutil.ignore_patterns("index"))
    (restored / "index").mkdir()
    assert datalake(restored, "table", "history", "feeds/chat/raw")
    config = settings(tmp_path, restored, chain, key)
    with door(restored, "--config", str(config), env={}) as server:
        for name in ("with-token", "without"):
            path = f"/v1/feeds/chat/records/{name}"
            assert get(server, path, admin, chain)[0] == 200
        snapshot = "/v1/feeds/chat/snapshots"
        assert server.call("POST", snapshot, {}, bearer(admin), chain)[0] == 202
        deadline = threading.Event()
        while get(server, f"{snapshot}/raw/latest", admin, chain)[0] != 200:
            deadline.wait(0.05)
        body = {"ingest_id": "with-token", "reason": "request 17"}  # 10
        where = "/v1/feeds/chat/withdrawals"
        assert server.call("POST", where, body, bearer(app), chain)[0] == 403
        status, _, answer = server.call("POST", where, body, bearer(admin), chain)
        assert status == 202
        job = f"/v1/jobs/{json.loads(answer)['job_id']}"
        while '"status":"running"' in get(server, job, admin, chain)[1]:
            deadline.wait(0.05)
        assert get(server, "/v1/feeds/chat/records/with-token", admin, chain)[0] == 404
        manifest = json.loads(get(server, f"{snapshot}/raw/latest", admin, chain)[1])
        assert manifest["rows"] == 1
        assert len(manifest["amended"]) == 1
        datalake(restored, "token", "revoke", "desktop-app")
        assert get(server, "/v1/feeds/chat/records/without", prometheus, chain)[0] == 200
        for _ in range(50):
            status = server.call("POST", INGEST, CHAT, bearer(app), chain)[0]
            if status == 401:
                break
            deadline.wait(0.1)
        assert status == 401
        make_certificate(tmp_path)  # 3: a renewal
        server.process.send_signal(1)
        for _ in range(50):
            if "read certificate and tokens again" in server.log():
                break
            deadline.wait(0.1)
        assert get(server, "/v1/health", "", chain)[0] == 200


def test_an_upgrade_beside_the_running_server_has_no_gap(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with door(lake) as old, door(lake) as new:  # 9
        assert old.call("POST", INGEST, CHAT | {"ingest_id": "a"})[0] == 200
        assert new.call("POST", INGEST, CHAT | {"ingest_id": "b"})[0] == 503
        old.process.terminate()
        assert old.process.wait(timeout=30) == 0
        pause = threading.Event()
        for _ in range(100):
            if new.call("POST", INGEST, CHAT | {"ingest_id": "b"})[0] == 200:
                break
            pause.wait(0.1)
        for name in ("a", "b"):
            assert json.loads(new.call("GET", f"/v1/feeds/chat/records/{name}")[2])["agent_id"]


def test_the_packaged_settings_are_understood(tmp_path: Path) -> None:
    for name in ("config.yaml", "config-proxy.yaml"):
        text = (ROOT / "packaging" / name).read_text("utf-8")
        chain, key = make_certificate(tmp_path)
        for path, own in (
            ("/var/lib/datalake/lake", tmp_path / name / "lake"),
            ("/lake\n", f"{tmp_path / name / 'lake'}\n"),
            ("/etc/datalake/tls/fullchain.pem", chain),
            ("/etc/datalake/tls/privkey.pem", key),
            ("port: 8443", "port: 0"),
            ("port: 8091", "port: 0"),
        ):
            text = text.replace(path, str(own), 1)
        config = tmp_path / f"of-{name}"
        config.write_text(text)
        (tmp_path / name).mkdir()
        with door(tmp_path, "--config", str(config), env={}) as server:
            assert server.call("GET", "/v1/health", None, {}, chain)[0] == 200
    assert built("bin/datalake-server")
