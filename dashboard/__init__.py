"""Signalbox: author AI flows in the browser, run them live, approve what they are about to do, find any past run.

One Django app; its packages are rooms, each with a law in its `__init__`. Imports point down:
views, api -> editor, relay -> runs -> models | steps, models_ai, net, sandbox -> engine -> wire.
"""
