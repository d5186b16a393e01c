"""A run in the real world: the engine joined to the tables.

`control` has the only verbs that views and the API call (start, cancel, ...); `drive` does one stretch of a run; `log`
writes and reads events; `delivery` brings runs to workers. It may import models, engine, steps, models_ai, net and sandbox.
It is the only room where engine and tables meet, and it knows no request and no template.
"""
