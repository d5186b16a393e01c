"""The engine runs a flow.

It walks the steps, keeps their variables, and tells what happens in wire events. Async throughout.
It may import `wire` and nothing else of ours; it knows no Django, no table and no network. What it needs of the world
(log, models, sandbox, outbound HTTP) it asks for through `ports`. It never decides who may run what.
"""
