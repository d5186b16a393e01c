"""The JSON door, `/v1`: one file per resource.

It turns requests into the verbs of `runs.control` and answers in the contract's words. It accepts API keys only, never a
session cookie. It may import relay, runs, models and wire; it never imports views or editor, and never writes run tables.
"""
