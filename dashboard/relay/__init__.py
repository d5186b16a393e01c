"""Streams to people and clients.

`follow` tails a run's log, `hub` reads for all followers of a process at once, `handoff` continues a response after
Django has let go of it, `live` carries per-person hints. It may import runs and below. It never writes a run's tables,
and a stream never holds a thread or a database connection.
"""
