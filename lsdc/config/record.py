"""The base of every settings section: frozen, complete, and strict about unknown keys."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A section of settings. No field has a default: a config file is complete and says everything itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_enum_values=False,
                              allow_inf_nan=False)
