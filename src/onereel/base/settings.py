"""What all settings are: frozen, typed, no unknown keys, no absurd counts. Needs no torch: sheets are read with it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

_LARGEST = 2**31 - 1  # of a setting that counts something: more is a slip of the hand, and overflows in libraries


class Settings(BaseModel):
    """Base of every group of settings; each field names its unit and its source."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="after")
    def _check_counts(self) -> Settings:
        for name, value in self:
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, int) and abs(number) > _LARGEST:
                    raise ValueError(f"{name} is {number}, more than {_LARGEST}")
        return self
