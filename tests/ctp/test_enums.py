"""Constants have the values of the newest version that has them."""

from __future__ import annotations

from ctp2.ctp import enum_values, enums, schema


def test_every_constant_of_every_version() -> None:
    expected: dict[str, object] = {}
    for version in schema.VERSIONS:  # oldest first: a later value replaces an earlier one
        facts = schema.load(version)
        expected.update(facts["resume"])
        for constants in facts["enums"].values():
            expected.update(constants)
    offered = {name: value for name, value in vars(enums).items() if name.startswith("THOST_")}
    assert offered == expected


def test_the_one_that_changed() -> None:
    assert enums.THOST_FTDC_TPID_TranferChkProperty == "i"  # 'D' until 6.7.8


def test_values_by_type() -> None:
    assert enum_values.TYPE_VALUES["TThostFtdcDirectionType"] == ("0", "1")
    assert enum_values.FIELD_TYPES["CThostFtdcInputOrderField"]["Direction"] == "TThostFtdcDirectionType"
    for fields in enum_values.FIELD_TYPES.values():
        assert set(fields.values()) <= set(enum_values.TYPE_VALUES)
