from typing import Literal

AppendPartOutcome = Literal['applied', 'refused', 'unknown']

APPEND_PART_OUTCOME_VALUES: set[AppendPartOutcome] = { 'applied', 'refused', 'unknown',  }

def check_append_part_outcome(value: str) -> AppendPartOutcome:
    if value in APPEND_PART_OUTCOME_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {APPEND_PART_OUTCOME_VALUES!r}")
