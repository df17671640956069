"""Checks 36, 37 and 39: the seed's settings are honoured, nothing contributed is logged, a restart
keeps everything."""

from __future__ import annotations

from pathlib import Path

from door_server import CHAT, door, refused

INGEST = "/v1/ingest/chat"


def test_check_36_the_seeds_environment(tmp_path: Path) -> None:
    env = {
        "APP_ENVIRONMENT": "dev",
        "IMAGE_VERSION": "gpt4all_2601",
        "ROOT_FILESYSTEM_PATH": str(tmp_path / "root"),
        "LOG_LEVEL": "INFO",
        "EFS_ROOT_PATH": "/efs",
    }
    with door(tmp_path, env=env) as server:
        assert (tmp_path / "root" / "lake.json").is_file()  # dev makes what it needs
        assert server.json("GET", "/info")["image_version"] == "gpt4all_2601"
        log = server.log()
        assert "image gpt4all_2601, environment dev" in log
        assert "EFS_ROOT_PATH has no effect" in log


def test_check_36_unknown_settings_are_warned_about(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"base_path: {tmp_path / 'lake'}\ncreate_dirs: true\nnum_procs: 2\n")
    with door(tmp_path, "--config", str(config), env={}) as server:
        assert server.call("GET", "/v1/health")[0] == 200
        assert "num_procs; did you mean num_proc?; it has no effect" in server.log()
    config.write_text("port: far\n")  # what is known must be right
    assert "port" in refused("--base-path", str(tmp_path / "lake"), "--config", str(config))


def test_check_37_nothing_contributed_is_logged(tmp_path: Path) -> None:
    marker = "ZANZIBARMARKER"
    body = CHAT | {"conversation": [{"content": marker}], "source": marker}
    with door(tmp_path / "lake", "--log-level", "debug", "--access-log") as server:
        assert server.call("POST", INGEST, body)[0] == 200
        assert server.call("POST", INGEST, body | {"agent_id": [marker]})[0] == 422
        assert server.call("POST", INGEST, f'{{"a": "{marker}'.encode())[0] == 422
        assert server.call("GET", f"/v1/feeds/{marker}/records?text={marker}")[0] == 404
        assert server.call(marker, f"/{marker}")[0] == 404
        log = server.log()
        assert marker not in log
        assert "POST /v1/ingest/chat 200" in log


def test_check_39_a_restart_keeps_everything(tmp_path: Path) -> None:
    for round_ in range(3):
        with door(tmp_path / "lake") as server:
            chat = CHAT | {"ingest_id": f"r{round_}"}
            assert server.call("POST", INGEST, chat)[0] == 200
            for earlier in range(round_ + 1):
                assert server.call("GET", f"/v1/feeds/chat/records/r{earlier}")[0] == 200
