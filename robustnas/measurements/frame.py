"""The data frame of a store: one row per measurement, as people analyse it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from robustnas.measurements.measurement import Measurement
from robustnas.metric import Metric

if TYPE_CHECKING:
    import pandas as pd

_NETWORK = ("arch", "images", "images_digest", "training", "seed", "space")
_VALUES = ("accuracy", "confidence", "seconds", "device", "versions", "measured_at")
_TYPES = {"seed": "int64", "level": "float64", "accuracy": "float64", "seconds": "float64"}
_TIME = "datetime64[us, UTC]"


def measurement_frame(measurements: Iterable[Measurement], *, confusion: bool) -> pd.DataFrame:
    """Return a frame of measurements; the columns are those of `MeasurementStore.frame`."""
    import pandas as pd

    columns = (*_NETWORK, "metric", "source", "level", "protocol", "settings", *_VALUES)
    rows = [(*_row(value), *([value.confusion] if confusion else [])) for value in measurements]
    frame = pd.DataFrame(rows, columns=[*columns, *(["confusion"] if confusion else [])])
    return frame.astype({**_TYPES, "measured_at": _TIME})


def _row(value: Measurement) -> tuple[Any, ...]:
    key, metric = value.key, Metric.parse(value.key.metric)
    return (
        *(getattr(key.network, name) for name in _NETWORK),
        key.metric,
        metric.kind,
        metric.level,
        key.protocol,
        key.settings,
        *(getattr(value, name) for name in _VALUES),
    )
