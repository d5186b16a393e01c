"""Flows as text: what can be imported, what is refused in words, and the curl command in a real shell."""

import json
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings

from dashboard.editor.exchange import by_id, curl, file_name, read_payload
from dashboard.editor.reading import Unreadable, read_json, same, write_json
from tests.editor.payloads import flow, payloads, prompt, sales


def test_the_documented_payload_is_read_as_it_is():
    imported = read_payload(json.dumps(sales()))
    assert same(imported.payload, sales())
    assert imported.notes == []


def test_a_bare_flow_becomes_a_payload():
    assert read_payload(json.dumps(sales()["flow"])).payload == {"flow": sales()["flow"]}


def test_secrets_are_left_out_and_that_is_said():
    imported = read_payload(json.dumps({**sales(), "secrets": {"token": "hush"}}))
    assert "secrets" not in imported.payload
    assert "never stored" in imported.notes[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("{", "not valid JSON"),
        ("[1]", "begins with {"),
        ('{"flow": 5}', "must be an object"),
        ("{}", "There is no flow"),
        ('{"agent": {"id": "agent_1"}}', "Only flows"),
        ('{"flow": {"id": "flow_1"}}', "brings no steps"),
        ('{"flow": {"steps": {}}}', "are a list"),
        ('{"flow": {"steps": [5]}}', "Step 1 is not a step"),
        ('{"flow": {"steps": [{"type": "prompt"}, {"type": 5}]}}', "Step 2 is not a step"),
        ('{"flow": {"name": 5, "steps": []}}', "is a text"),
        ('{"flow": {"name": "x", "steps": [], "n": NaN}}', "NaN"),
        ('{"flow": {"name": "x", "name": "y", "steps": []}}', "twice"),
        ("{'flow': 1}", "line 1"),
        ("[" * 100 + "]" * 100, "nested"),
        ('{"flow": {"name": "\\ud800", "steps": []}}', "surrogate"),
        ('{"x": "' + "a" * 1_100_000 + '"}', "1 MB"),
    ],
)
def test_what_is_no_flow_is_refused_in_words(text, says):
    with pytest.raises(Unreadable) as refusal:
        read_payload(text)
    assert says in refusal.value.message


def test_the_line_of_a_mistake_is_known():
    with pytest.raises(Unreadable) as refusal:
        read_json('{\n  "a": 1,\n  "b": oops\n}')
    assert refusal.value.line == 3


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(payloads)
def test_any_payload_survives_being_written_and_read(payload):
    assert same(read_payload(write_json(payload)).payload, payload)


def test_files_are_called_after_their_flow():
    assert file_name(sales()) == "sales-analysis.json"
    assert file_name({"flow": {"name": "../../etc ✓"}}) == "etc.json"
    assert file_name({"flow": {}}) == "flow.json"


def test_a_stored_flow_is_run_by_its_id_with_the_same_sample():
    payload = by_id(sales(), "flow_1")
    assert payload["flow"] == {"id": "flow_1"}
    assert payload["record"] == sales()["record"]
    assert "flowMode" not in payload["options"]


NASTY = "it's \"quoted\" $HOME `id` \\ {{a}} !! \n%s ✓ 'end"


@pytest.mark.parametrize("shell", [s for s in ("bash", "dash", "sh") if shutil.which(s)])
def test_the_curl_command_sends_exactly_the_payload(shell, tmp_path):
    payload = flow(prompt("a", userPrompt=NASTY), inputs={"x'y": NASTY})
    said = tmp_path / "said"
    fake = tmp_path / "curl"
    fake.write_text(f'#!/bin/sh\nfor part in "$@"; do printf "%s\\0" "$part" >> {said}; done\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SIGNALBOX_KEY": "sb_live_x y"}
    subprocess.run([shell, "-c", curl(payload, "https://signal.example/")], check=True, env=environment)
    parts = said.read_text("utf-8").split("\0")[:-1]
    assert parts[:6] == [
        "-N",
        "https://signal.example/v1/dispatch",
        "-H",
        "Authorization: Bearer sb_live_x y",
        "-H",
        "Content-Type: application/json",
    ]
    assert parts[6] == "--data-binary"
    assert json.loads(parts[7]) == payload
