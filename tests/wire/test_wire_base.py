"""The model under all shapes: camelCase outside, unknown fields kept, nulls told apart from absence."""

from typing import Any

import pytest

from dashboard.wire.base import SentModel, WireModel


class Berth(WireModel):
    dock_name: str
    depth_m: float | None = None
    extras_by_key: dict[str, Any] | None = None
    inner: "Berth | None" = None
    neighbours: list["Berth"] | None = None
    required_null: Any


class Sent(SentModel):
    dock_name: str | None = None
    depth_m: float | None = 2.0
    inner: "Sent | None" = None


def test_names_are_camel_case_on_the_wire_and_either_way_inside():
    assert Berth(dock_name="A", required_null=1).to_wire() == {"dockName": "A", "requiredNull": 1}
    assert Berth.model_validate({"dockName": "A", "requiredNull": 1}) == Berth(dock_name="A", required_null=1)


def test_absent_fields_are_dropped_and_nulls_in_values_kept():
    berth = Berth(dock_name="A", extras_by_key={"a": None, "b": [None, {"c": None}]}, required_null=None)
    assert berth.to_wire() == {
        "dockName": "A",
        "extrasByKey": {"a": None, "b": [None, {"c": None}]},
        "requiredNull": None,
    }


def test_nested_models_are_written_wherever_they_stand():
    inner = Berth(dock_name="B", required_null=0)
    berth = Berth(
        dock_name="A",
        inner=inner,
        neighbours=[inner],
        extras_by_key={"of": inner, "all": (inner,)},
        required_null=0,
    )
    plain = {"dockName": "B", "requiredNull": 0}
    wire = berth.to_wire()
    assert (wire["inner"], wire["neighbours"], wire["extrasByKey"]) == (
        plain,
        [plain],
        {"of": plain, "all": [plain]},
    )


def test_unknown_fields_come_back_as_they_came():
    value = {"dockName": "A", "requiredNull": 1, "snake_case": {"x": None}, "none": None, "to_wire": 5}
    assert Berth.model_validate(value).to_wire() == value


def test_what_is_written_can_be_changed_without_touching_the_model():
    berth = Berth(dock_name="A", extras_by_key={"list": [1]}, required_null=1)
    berth.to_wire()["extrasByKey"]["list"].append(2)
    assert berth.extras_by_key == {"list": [1]}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"dockName": None},
        {"depthM": 2.0},
        {"inner": {"inner": None, "x": 1}},
        {"depthM": None, "y": None},
    ],
)
def test_a_sent_model_gives_back_what_was_sent(value: dict[str, Any]):
    assert Sent.model_validate(value).to_wire() == value


def test_a_sent_model_coerces_nothing():
    with pytest.raises(ValueError):
        Sent.model_validate({"depthM": "2.0"})


def test_an_error_does_not_repeat_what_was_sent():
    with pytest.raises(ValueError) as caught:
        Sent.model_validate({"depthM": "hush-hush"})
    assert "hush-hush" not in str(caught.value)
