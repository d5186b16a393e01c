"""The only place that runs code written by users.

JavaScript runs in QuickJS, in worker processes of ours that hold no secret, no file and no network and can be
killed at any moment: `pool` is the side of the product, `worker` and `harness.js` are the other side. JSON goes
in, JSON comes out and is checked like anything that came from outside. This room imports nothing of ours and no
Django; a script reaches the world only through the fetch callable that its caller hands in.
"""
