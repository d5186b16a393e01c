"""Forms: a step's Config becomes a form, a form becomes the payload.

`fields` is the only place that knows both the engine's field types and Django's widgets; `draft` holds pure operations on a
flow's payload, `saving` stores their outcome. It may import models, steps, engine and wire. It knows no request and never
runs anything.
"""
