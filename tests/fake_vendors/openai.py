"""`python -m tests.fake_vendors.openai`: a scripted server of this protocol."""

from tests.fake_vendors.dialects import OpenAi
from tests.fake_vendors.server import command_line

if __name__ == "__main__":
    command_line(OpenAi)
