"""What templates may say: how numbers, times, states, icons and Markdown are written, and the frame around pages.

Filters and tags take plain values and answer text; they never query a table and never read the network. `prose` is
the one reviewed file that may call `mark_safe`. May import nothing of ours but this room.
"""
