"""Django's SQLite backend, with turns: writers of one process queue for a lock of ours instead of SQLite's busy handler.

That handler sleeps ever longer between tries and is not fair, which shows as waits of seconds under load. Named by the
database block of the settings alone; nothing else knows of it. It may import Django and nothing of ours.
"""
