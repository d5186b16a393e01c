"""How running a user's code can end other than with a value."""


class SandboxError(Exception):
    """Base of all errors of this room. The text is one sentence for the author of the script.

    `code` is stable and for machines; `logs` holds what the script had printed by then.
    """

    code = "sandbox_error"

    def __init__(self, message: str, *, logs: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.logs = logs


class ScriptError(SandboxError):
    """The script does not parse, or threw. `line` is the line of the script, from 1, if it is known."""

    code = "code_error"

    def __init__(self, message: str, *, line: int | None = None, logs: tuple[str, ...] = ()) -> None:
        super().__init__(message, logs=logs)
        self.line = line


class ScriptTimeout(SandboxError):
    """The script did not finish in its time."""

    code = "code_timeout"


class ScriptMemory(SandboxError):
    """The script needed more memory than it may have."""

    code = "code_memory"


class ScriptOutput(SandboxError):
    """What the script was given or what it returned is not JSON within the limits."""

    code = "code_output"


class SandboxUnavailable(SandboxError):
    """The sandbox itself failed: no worker could be started, or the worker was killed from outside."""

    code = "sandbox_unavailable"


class FetchFailed(Exception):
    """Raised by a fetch callable: the script's promise is rejected with this text. Other errors stay hidden."""
