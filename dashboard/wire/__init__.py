"""The contract: every shape that crosses the network, and nothing that decides what to do about it.

Lives here: pydantic models of requests, answers and events (snake_case inside, camelCase on the wire, unknown
fields kept), SSE bytes <-> events, ids, error codes and the grammar a finished stream obeys.
May import: the standard library and pydantic. Never imports another room of ours, never does I/O, never
reads a setting. The outside says *execution*; inside the product the same thing is a *run*.
"""
