"""The only door to the outside world.

Everything the product sends over the network goes through here: the address filter at connect time, the
size and time caps, the header rules, the redirect rules. Nothing else in the product imports an HTTP
library or opens a socket. This room imports nothing of ours and no Django; it is told what is allowed (a
`policy_source`) and never reads settings or tables by itself. It never follows proxy variables or .netrc
files of the machine.
"""
