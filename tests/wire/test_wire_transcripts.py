"""Streams written by hand from the order catalogue: they read, write back byte for byte, and obey the grammar."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.wire import sse
from dashboard.wire.events import EVENT_TYPES, Event, TextComplete, parse_event
from dashboard.wire.grammar import violations

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.sse"))


def read(path: Path) -> list[Event]:
    return [parse_event(frame.data) for frame in sse.Decoder().feed(path.read_bytes())]


def named(stem: str) -> list[Event]:
    return read(Path(__file__).parent / "transcripts" / f"{stem}.sse")


def renumbered(events: list[Event]) -> list[Event]:
    return [event.stamped(events[0].execution_id, seq) for seq, event in enumerate(events)]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_golden_stream_is_written_back_byte_for_byte(path: Path):
    raw = path.read_bytes()
    assert b"".join(sse.encode(event, raw.startswith(b"id:")) for event in read(path)) == raw


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_golden_stream_obeys_the_grammar(path: Path):
    assert violations(read(path), paused=path.stem.endswith(".paused")) == []


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_event_line_names_the_type_and_the_id_line_the_number(path: Path):
    for frame in sse.Decoder().feed(path.read_bytes()):
        event = parse_event(frame.data)
        assert frame.event == event.type
        assert frame.id in (None, str(event.seq))


def test_the_golden_streams_use_every_event_type():
    assert {event.type for path in TRANSCRIPTS for event in read(path)} == set(EVENT_TYPES)


def test_no_field_of_a_golden_stream_is_unknown_except_in_sources():
    for path in TRANSCRIPTS:
        for event in read(path):
            assert not event.model_extra or event.type == "source", event


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_stream_that_lost_any_one_event_is_reported(path: Path):
    events = read(path)
    paused = path.stem.endswith(".paused")
    for lost in range(len(events)):
        rest = events[:lost] + events[lost + 1 :]
        if lost < len(rest):
            assert violations(rest, paused), f"event {lost} was missed by nobody"


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_stream_that_repeats_any_one_event_is_reported(path: Path):
    events = read(path)
    for twice in range(len(events)):
        assert violations(events[: twice + 1] + events[twice:], path.stem.endswith(".paused"))


def without(kind: str) -> Callable[[list[Event]], list[Event]]:
    return lambda events: [event for event in events if event.type != kind]


def behind_the_next(kind: str) -> Callable[[list[Event]], list[Event]]:
    """Move the first event of a type behind the one that follows it."""

    def change(events: list[Event]) -> list[Event]:
        at = next(index for index, event in enumerate(events) if event.type == kind)
        return [*events[:at], events[at + 1], events[at], *events[at + 2 :]]

    return change


def wrong_text(events: list[Event]) -> list[Event]:
    return [
        TextComplete(id=event.id, text="else") if isinstance(event, TextComplete) else event
        for event in events
    ]


BROKEN: list[tuple[str, Callable[[list[Event]], list[Event]], str]] = [
    ("a-one-prompt", without("execution_start"), "a log begins with execution_start"),
    ("a-one-prompt", without("execution_complete"), "no terminal event"),
    ("a-one-prompt", without("text_start"), "no such block is open: text_1"),
    ("a-one-prompt", without("text_complete"), "the text block text_1 is still open"),
    ("a-one-prompt", without("step_start"), "s1 has not started"),
    ("a-one-prompt", without("step_complete"), "the step s1 is still open"),
    ("a-one-prompt", wrong_text, "the text of text_1 is not what its deltas add up to"),
    ("a-one-prompt", lambda events: [*events, events[-1]], "a terminal event is the last one"),
    ("a-one-prompt", lambda events: [*events[:3], *events[2:]], "the block id text_1 was used before"),
    ("a-one-prompt", lambda events: [*events[:7], *events[2:]], "the block id text_1 was used before"),
    ("a-one-prompt", lambda events: [*events[:2], *events[1:]], "s1 has started already"),
    ("a-one-prompt", lambda events: [*events[:-1], *events[1:]], "s1 is already over"),
    ("a-one-prompt", lambda events: [events[0], *events], "has to say that the run is resumed"),
    (
        "b-skip-failure-fallback",
        lambda events: [*events[:5], events[4], *events[5:]],
        "s3 has started already",
    ),
    ("b-skip-failure-fallback", behind_the_next("step_complete"), "step_skip: the step s1 is still open"),
    ("c-agent-turns-and-tool", without("tool_start"), "the tool call call_1 is not open"),
    ("c-agent-turns-and-tool", without("tool_complete"), "the tool call call_1 is still open"),
    ("c-agent-turns-and-tool", without("turn_complete"), "the turn turn_1 is still open"),
    ("c-agent-turns-and-tool", without("turn_start"), "turn_1 has not started"),
    ("c-agent-turns-and-tool", without("reasoning_complete"), "the reasoning block reason_1 is still open"),
    ("d-approval-approved", without("approval_start"), "nobody asked for appr_"),
    ("d-approval-approved", without("approval_complete"), "the approval appr_"),
    ("h-subagent-and-flow-as-tool", without("text_complete"), "the text block text_1 is still open"),
    ("j-conditional-branch", behind_the_next("step_complete"), "the step lamp inside it is still open"),
    ("l-media-artifacts-sources-state", without("media_complete"), "the media block media_1 is still open"),
    (
        "l-media-artifacts-sources-state",
        without("artifact_complete"),
        "the artifact block art_1 is still open",
    ),
    ("l-media-artifacts-sources-state", without("artifact_start"), "no such block is open: art_1"),
]


@pytest.mark.parametrize(("stem", "break_it", "sentence"), BROKEN)
def test_a_broken_log_is_reported_in_words(
    stem: str, break_it: Callable[[list[Event]], list[Event]], sentence: str
):
    found = violations(renumbered(break_it(named(stem))))
    assert any(sentence in line for line in found), found


def test_a_step_that_was_skipped_cannot_have_started():
    events = named("b-skip-failure-fallback")
    start = parse_event({"type": "step_start", "id": "s2"})
    found = violations(renumbered([*events[:4], start, *events[4:]]))
    assert "seq 4: step_start: s2 was skipped" in found


def test_a_step_cannot_start_inside_a_step_that_runs_no_steps():
    events = named("b-skip-failure-fallback")
    found = violations(renumbered([*events[:2], events[4], *events[2:4], *events[5:]]))
    assert any("step_start: the step s1 is still open" in line for line in found)


def test_two_blocks_of_the_conversation_are_never_open_at_once():
    events = named("c-agent-turns-and-tool")
    found = violations(renumbered([*events[:5], events[6], events[5], *events[7:]]))
    assert "seq 5: text_start: blocks do not nest, and reason_1 is open" in found


def test_text_is_closed_before_a_tool_starts():
    events = named("c-agent-turns-and-tool")
    found = violations(renumbered([*events[:8], events[9], events[8], *events[10:]]))
    assert "seq 8: tool_start: the text block text_1 is still open" in found


def test_a_tool_that_streams_text_closes_it_before_it_is_over():
    events = named("h-subagent-and-flow-as-tool")
    found = violations(renumbered([*events[:8], events[9], events[8], *events[10:]]))
    assert "seq 8: tool_complete: the text block text_1 is still open" in found


def test_a_second_attempt_may_follow_an_unfinished_step_and_an_unmarked_one_may_not():
    events = named("k-second-attempt-after-a-crash")
    first_again = [*events[:5], events[1], *events[7:]]
    assert violations(renumbered([*events[:5], *events[6:]])) == []
    assert "seq 5: step_start: s1 has started already" in violations(renumbered(first_again))


def test_an_attempt_counts_from_two():
    events = named("k-second-attempt-after-a-crash")
    first = events[6].model_copy(update={"attempt": 1})
    assert any(
        "at least the second" in line for line in violations(renumbered([*events[:6], first, *events[7:]]))
    )


def test_numbers_and_run_are_those_of_one_log():
    events = named("a-one-prompt")
    events[3] = events[3].stamped("exec_other", 7)
    found = violations(events)
    assert "seq 7: text_delta: the number should be 3" in found
    assert any("it belongs to exec_other" in line for line in found)


def test_a_paused_log_has_no_terminal_event_and_a_finished_one_needs_it():
    assert violations(named("d-approval-waiting.paused")) != []
    assert any(
        "a paused run has no terminal" in line for line in violations(named("a-one-prompt"), paused=True)
    )


def test_a_paused_run_leaves_no_text_open_and_no_tool_that_nobody_awaits():
    events = named("g-local-tool-waiting.paused")
    assert any("nobody awaits" in line for line in violations(renumbered(events[:-1]), paused=True))
    assert any("text_1 is still open" in line for line in violations(renumbered(events[:4]), paused=True))


def test_the_kind_of_a_run_does_not_change():
    events = named("a-one-prompt")
    other = events[-1].model_copy(update={"kind": "agent"})
    assert any("is of kind flow, not agent" in line for line in violations([*events[:-1], other]))


def test_an_approval_is_asked_and_decided_once():
    events = named("d-approval-approved")
    asked_twice = renumbered([*events[:6], *events[5:]])
    decided_twice = renumbered([*events[:7], *events[6:]])
    assert any("was used before" in line for line in violations(asked_twice))
    assert any("is decided already" in line for line in violations(decided_twice))


def test_an_empty_log_is_no_log():
    assert violations([]) == ["the log is empty"]
