"""The model every wire shape is made of: snake_case in Python, camelCase in JSON, unknown fields kept."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Number = int | float
JsonObject = dict[str, Any]


class WireModel(BaseModel):
    """A JSON object of the wire.

    Fields the model does not know are kept in `model_extra` and written back as they came, so a value made
    by a newer client or server survives a round trip through this one.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")

    # (attribute, wire name, written even when None) in the order in which fields are written.
    layout: ClassVar[tuple[tuple[str, str, bool], ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.layout = tuple(
            (name, field.serialization_alias or name, field.is_required())
            for name, field in cls.model_fields.items()
        )

    def shallow(self) -> JsonObject:
        """The wire object one level deep: nested models are still models, values are shared, not copied."""
        values = self.__dict__
        wire: JsonObject = {}
        for name, alias, required in self.layout:
            value = values[name]
            if value is not None or required:
                wire[alias] = value
        if self.__pydantic_extra__:
            wire.update(self.__pydantic_extra__)
        return wire

    def to_wire(self) -> JsonObject:
        """The JSON object as it goes over the network.

        Optional fields that are None are left out. Nulls inside free-form values and unknown fields are data,
        not absence: they are kept.
        """
        return {key: _plain(value) for key, value in self.shallow().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, WireModel):
        return value.to_wire()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


class SentModel(WireModel):
    """A JSON object somebody sent us: nothing is coerced, and `to_wire` gives back exactly what was sent.

    Only the fields that were present are written, explicit nulls included, so importing a payload and
    exporting it again is the identity.
    """

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    def shallow(self) -> JsonObject:
        """The wire object one level deep, holding only the fields that were given."""
        values = self.__dict__
        given = self.model_fields_set
        wire: JsonObject = {alias: values[name] for name, alias, _ in self.layout if name in given}
        if self.__pydantic_extra__:
            wire.update(self.__pydantic_extra__)
        return wire
