"""Codes for a request whose body has the wrong shape. On the wire they stand in `details[].code`."""

from typing import Final

# code: (default sentence, what to do about it)
SHAPES: Final[dict[str, tuple[str, str]]] = {
    # The bytes and the JSON itself.
    "invalid_json": ("The body is not valid JSON.", "Send one JSON object, encoded as UTF-8."),
    "object_expected": ("The body must be a JSON object.", "Put the fields inside { }."),
    "invalid_number": ("A number is not finite or too long.", "Send large numbers as text."),
    "too_deep": ("The value is nested too deeply.", "Flatten the value."),
    "too_many_nodes": ("The body holds too many values.", "Split the request or store the data as a record."),
    "string_too_long": ("A text is too long.", "Store large content as an asset and send its address."),
    "invalid_unicode": (
        "A text holds characters that cannot be stored.",
        "Send valid Unicode text without NUL.",
    ),
    "duplicate_key": ("A key is given twice.", "Give every key of an object once."),
    # Any field.
    "missing_field": ("A required field is missing.", ""),
    "unknown_field": ("This field is not known.", "Remove it or check its spelling."),
    "invalid_type": ("The value has the wrong type.", ""),
    "invalid_value": ("The value is not allowed.", ""),
    "invalid_option": ("The value is not one of the allowed words.", ""),
    "out_of_range": ("The number is out of range.", ""),
    "too_long": ("The value is too long.", ""),
    "too_short": ("The value is too short.", ""),
    "too_large": ("The value is too large.", ""),
    "invalid_id": (
        "An id is a short text without spaces.",
        "Copy the id from the list of the things it names.",
    ),
    "invalid_name": ("The name cannot be used.", "Use 1 to 500 visible characters."),
    # Dispatch and its relatives.
    "ambiguous_target": ("More than one thing to run is named.", "Send one of flow, agent or flowId."),
    "missing_target": ("Nothing to run is named.", "Send flow, agent or flowId."),
    "invalid_role": ("A message needs a role: user, assistant or system.", ""),
    "invalid_content": ("The content of a message cannot be read.", "Send text, or a list of content parts."),
    "too_many_messages": ("A request holds at most 1,000 messages.", "Send the latest messages only."),
    "invalid_input_name": ("The name of an input cannot be used.", "Use letters, digits and underscores."),
    "invalid_secret_name": ("The name of a secret cannot be used.", "Use letters, digits and underscores."),
    "invalid_schema": ("The parameters need a self-contained JSON Schema of type object.", ""),
    "invalid_tool_name": ("A tool name is 1 to 128 letters, digits or . _ - : /", ""),
    "duplicate_tool": ("Two tools have the same name.", "Rename one of them."),
    "invalid_decision": ("A decision is approved or denied.", "Send the decision explicitly."),
    "invalid_continuation": ("The continuation is neither tool outputs nor a decision.", ""),
}
