"""`python -m tests.fake_vendors.anthropic`: a scripted server of this protocol."""

from tests.fake_vendors.dialects import Anthropic
from tests.fake_vendors.server import command_line

if __name__ == "__main__":
    command_line(Anthropic)
