"""Scripted model vendors on loopback: real sockets, the OpenAI and the Anthropic protocol, and every way of misbehaving.

Inside one event loop: `async with serving(OpenAi()) as vendor: vendor.script = "cut"`. From synchronous tests:
`with in_thread(OpenAi()) as vendor`. From a shell: `python -m tests.fake_vendors.openai --port 0 --tokens-per-second 50`.
A model's name may choose the script of one request: `gpt-4~cut`.
"""
