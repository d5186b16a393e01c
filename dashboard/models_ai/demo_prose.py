"""The demo model's answers in words."""

from collections.abc import Sequence

from dashboard.models_ai.demo_reading import Reading

WHO = "This answer comes from the built-in demo model"
_WHY = "it needs no key and no network, and it only arranges what it found in the prompt."


def text(reading: Reading) -> str:
    """A plain answer of a few sentences."""
    sentences = [f"{WHO}: {_WHY}", f"You asked: “{reading.question}”"]
    if reading.system:
        sentences.append(f"The instructions begin with: “{reading.system}”")
    if reading.facts:
        listed = "; ".join(f"{key} is {value}" for key, value in reading.facts.items())
        sentences.append(f"The prompt says that {listed}.")
    if reading.numbers:
        sentences.append(f"The numbers in it: {_series(reading.numbers)}.")
    if reading.names:
        sentences.append(f"The names in it: {_series(reading.names)}.")
    if reading.earlier:
        sentences.append(f"Before that, the conversation had {_counted(reading.earlier, 'message')}.")
    if not (reading.facts or reading.numbers or reading.names):
        sentences.append("There were no facts, numbers or names in it to report.")
    return "\n\n".join((" ".join(sentences[:2]), " ".join(sentences[2:])))


def markdown(reading: Reading) -> str:
    """A short analysis under headings."""
    blocks = ["## Summary", f"> {reading.question}", _found(reading)]
    if reading.facts:
        rows = (f"| {_cell(key)} | {_cell(value)} |" for key, value in reading.facts.items())
        blocks += ["### Facts", "\n".join(("| What | Value |", "| --- | --- |", *rows))]
    if reading.numbers:
        blocks += ["### Numbers", "\n".join(f"- **{number}**" for number in reading.numbers)]
    if reading.names:
        blocks += ["### Names", "\n".join(f"- {name}" for name in reading.names)]
    if reading.system:
        blocks += ["### Instructions", f"The instructions begin with: “{reading.system}”"]
    return "\n\n".join((*blocks, f"*{WHO}: {_WHY}*"))


def reasoning(reading: Reading, wanted: str) -> str:
    """What the demo would think, had it thoughts."""
    return (
        f"The question is “{reading.question}” {_found(reading)} "
        f"I will answer as {wanted} and say that I am the demo model."
    )


def _found(reading: Reading) -> str:
    counts = (
        _counted(len(reading.facts), "fact"),
        _counted(len(reading.numbers), "number"),
        _counted(len(reading.names), "name"),
    )
    return f"The prompt holds {counts[0]}, {counts[1]} and {counts[2]}."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count or 'no'} {noun}s"


def _series(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _cell(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
