"""Model vendors behind one port: a model's name becomes a stream of chunks with usage and cost.

The table of names and vendors, the vendor adapters, prices and the built-in demo model live here. It may import `engine`
(for the port) and `wire`. It knows no Django and no tables: vendor keys and the HTTP transport are handed to it.
"""
