"""The HTML door: one file per page.

A view turns a request into a member (`access`), calls a verb of `runs.control` or an operation of `editor`, and renders a
template. Function views, synchronous. It may import everything below; it never imports `api` and never writes run tables.
"""
