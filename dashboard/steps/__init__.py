"""One file per step kind; the file name is the kind (`send_stream.py` is `send-stream`).

A step is complete in its file: typed Config (which is the wire's JSON, the form and the schema at once), help text, and
`async run(ctx)` that returns a result. It may import `engine` and `wire`. It never imports another step, and reaches the
world only through what `ctx` offers.
"""
