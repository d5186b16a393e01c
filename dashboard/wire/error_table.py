"""Every HTTP error the API can answer with, by code: status, short text, sentence, advice. The one such table."""

from typing import Final, NamedTuple


class Rule(NamedTuple):
    """How one code is answered. `retry_after` is in seconds; None means that no such header is sent."""

    status: int
    error: str
    message: str
    hint: str = ""
    retry_after: int | None = None


_NO_PAUSE = "No paused execution found for this executionId"

# Only the unknown route may say exactly "Not Found": the widget takes that text for a missing endpoint.
RULES: Final[dict[str, Rule]] = {
    # Transport.
    "validation_error": Rule(400, "Validation failed", "The request does not have the expected shape."),
    "bad_request": Rule(400, "Bad request", "The request cannot be understood."),
    "invalid_host": Rule(400, "Invalid host", "This server does not answer for that host name."),
    "not_found": Rule(404, "Not Found", "The requested resource was not found"),
    "method_not_allowed": Rule(405, "Method not allowed", "This address does not take that method."),
    "request_timeout": Rule(408, "Request timeout", "The request did not arrive in time."),
    "body_too_large": Rule(413, "Request body too large", "The body is larger than this server accepts."),
    "uri_too_long": Rule(414, "URI too long", "The address is longer than 8 KB.", "Send data in the body."),
    "headers_too_large": Rule(431, "Headers too large", "The headers are longer than 32 KB."),
    "unsupported_media_type": Rule(
        415, "Unsupported media type", "The body must be JSON.", "Send Content-Type: application/json."
    ),
    "unsupported_charset": Rule(
        415, "Unsupported charset", "The body must be UTF-8.", "Send charset=utf-8 or none."
    ),
    "unsupported_encoding": Rule(415, "Unsupported encoding", "Compressed bodies are not accepted."),
    "payment_required": Rule(402, "Payment required", "The budget of this workspace is used up."),
    "internal_error": Rule(
        500, "Internal server error", "Something went wrong here; the request id finds it."
    ),
    "not_implemented": Rule(501, "Not implemented", "This server does not offer that."),
    "unavailable": Rule(
        503, "Service unavailable", "The server cannot take the request now.", "Try again.", 5
    ),
    # Who is asking.
    "missing_api_key": Rule(401, "Unauthorized", "No API key was sent.", "Send Authorization: Bearer <key>."),
    "invalid_api_key": Rule(401, "Unauthorized", "The API key is not known."),
    "api_key_in_url": Rule(
        401,
        "Unauthorized",
        "A key in an address ends up in logs and is not accepted.",
        "Use the Authorization header.",
    ),
    "api_key_revoked": Rule(401, "Unauthorized", "The API key was revoked."),
    "api_key_expired": Rule(401, "Unauthorized", "The API key has expired."),
    "invalid_client_token": Rule(401, "Invalid client token", "The client token is not known."),
    "session_expired": Rule(401, "Session expired", "The chat session is over.", "Start a new session."),
    "visitor_required": Rule(401, "visitor_required", "The history of a visitor needs the visitor's token."),
    "insufficient_scope": Rule(403, "Forbidden", "The API key lacks a scope for this."),
    "forbidden": Rule(403, "Forbidden", "This is not allowed."),
    "ip_not_allowed": Rule(403, "Forbidden", "The API key cannot be used from this address."),
    "origin_not_allowed": Rule(403, "Origin not allowed", "Pages of this origin may not call this server."),
    "surface_not_active": Rule(403, "Chat surface is not active", "The chat was switched off."),
    "visitor_history_disabled": Rule(
        403, "visitor_history_disabled", "This chat keeps no history for visitors."
    ),
    # How often.
    "rate_limited": Rule(
        429, "Too many requests", "The rate limit is reached.", "Wait as Retry-After says.", 30
    ),
    "too_many_concurrent_runs": Rule(
        429, "Too many concurrent runs", "Wait until a run of this key is over.", "", 5
    ),
    "too_many_streams": Rule(429, "Too many streams", "Close another stream first.", "", 5),
    "slow_mode_hourly_limit_exceeded": Rule(429, "Hourly limit reached", "Try again next hour.", "", 3600),
    "session_message_limit": Rule(
        429, "Session message limit reached", "This chat session is full.", "Start a new conversation.", 3600
    ),
    # What is named is not there.
    "flow_not_found": Rule(404, "Flow not found", "No flow with this id exists here."),
    "flow_version_not_found": Rule(404, "Flow version not found", "This flow has no such version."),
    "agent_not_found": Rule(404, "Agent not found", "No agent with this id exists here."),
    "record_not_found": Rule(404, "Record not found", "No record with this id exists here."),
    "execution_not_found": Rule(404, "Execution not found", "No execution with this id exists here."),
    "execution_not_paused": Rule(404, _NO_PAUSE, "The execution is unknown, running or over."),
    "approval_not_found": Rule(404, "Approval not found", "No approval with this id exists here."),
    "approval_expired": Rule(404, _NO_PAUSE, "The time to decide is over."),
    "resource_not_found": Rule(404, "Resource not found", "Nothing with this id exists here."),
    "conversation_deleted": Rule(410, "conversation_deleted", "This conversation was deleted."),
    # The state does not allow it.
    "conflict": Rule(409, "Conflict", "Somebody else changed this.", "Read it again and repeat."),
    "record_exists": Rule(409, "Record already exists", "A record of this type and name exists."),
    "flow_disabled": Rule(409, "Flow is disabled", "This flow is archived or switched off."),
    "client_tools_resend_required": Rule(
        409,
        "client_tools_resend_required",
        "The tool set of this fingerprint is not known.",
        "Send clientTools in full.",
    ),
    "already_resumed": Rule(409, "Already resumed", "Somebody else resumed this execution."),
    "approval_already_resolved": Rule(409, "Approval already resolved", "A decision is already in force."),
    "approval_changed": Rule(
        409, "Approval changed", "What was shown is not what would run.", "Look at it again."
    ),
    "second_approver_required": Rule(409, "Second approver required", "Another person has to agree."),
    "idempotency_in_progress": Rule(
        409, "Request in progress", "The first request with this key is starting.", "", 1
    ),
    # Who may decide.
    "approval_approver_not_end_user": Rule(
        403, "This approval needs the business owner", "The caller may not answer this kind of gate."
    ),
    "self_approval": Rule(403, "Forbidden", "Nobody decides about their own run."),
    "not_an_approver": Rule(403, "Forbidden", "You may not decide here."),
    "not_a_client_tool": Rule(
        403, "Forbidden", "The output of a server tool cannot be supplied by the caller."
    ),
    "policy_cannot_be_weakened": Rule(
        403, "Forbidden", "A request may tighten the approval policy, not loosen it."
    ),
    "approval_failed": Rule(
        500, "Failed to process approval", "The decision could not be stored.", "Try again."
    ),
    # Headers of ours with a wrong value.
    "invalid_idempotency_key": Rule(
        400, "Invalid Idempotency-Key", "The key must be 1 to 255 visible ASCII characters."
    ),
    "invalid_last_event_id": Rule(
        400,
        "Invalid Last-Event-ID",
        "The cursor is not a sequence number.",
        "Send one of the ids of the stream.",
    ),
    "invalid_cursor": Rule(
        400, "Invalid cursor", "The cursor was not made by this list.", "Start without a cursor."
    ),
    # Well formed, but impossible.
    "idempotency_key_reused": Rule(
        422,
        "Idempotency-Key reused",
        "This key was used with another body.",
        "Use a new key for a new request.",
    ),
    "input_missing": Rule(422, "Input missing", "The flow needs an input that was not sent."),
    "input_invalid": Rule(422, "Input invalid", "An input does not fit what the flow declares."),
    "model_not_available": Rule(422, "Model not available", "This workspace cannot use that model."),
    "too_many_steps": Rule(422, "Too many steps", "A flow holds at most 1,000 steps."),
    "unknown_step_type": Rule(422, "Unknown step type", "A step has no known type."),
    "agent_not_available": Rule(
        422, "Agents are not available", "Agents come with a later version of this server; run a flow."
    ),
    "not_supported": Rule(422, "Not supported", "This version of the server does not offer that."),
    "duplicate_step_id": Rule(422, "Duplicate step id", "Two steps of the flow have the same id."),
    "unresolved_variable": Rule(422, "Unresolved variable", "A step refers to something that is not there."),
    "approval_required_by_policy": Rule(
        422,
        "Approval required by policy",
        "The agent sees private data and untrusted content and can send data out.",
        "Put an approval in front of the tools that send or change things.",
    ),
    "secret_not_allowed_here": Rule(
        422, "Secret not allowed here", "A secret may only stand in headers, credentials and addresses."
    ),
    "newer_version": Rule(422, "Newer version", "The file was written by a newer version of this product."),
    "too_many_items": Rule(422, "Too many items", "The list is longer than a run may work through."),
    "flow_invalid": Rule(422, "Flow cannot be run", "The flow has problems that keep it from running."),
    "template_too_large": Rule(422, "Template too large", "A template holds at most 100 KB."),
    "partial_not_found": Rule(422, "Partial not found", "The template asks for a part that is not there."),
}
