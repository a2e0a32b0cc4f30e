"""The store of measurements: numbers that our evaluator measured because the published table lacks them.

Many workers on many machines fill one store. A worker claims a network, trains it, records what it measured and
releases the claim; a claim that is abandoned expires, and nothing is kept twice. The store is an SQLite file, or a
PostgreSQL database named by a URL.

Importing this package loads SQLAlchemy, never torch; a search in the table imports neither.
"""

from robustnas.measurements.claims import ActiveClaim, Claim, ClaimLostError
from robustnas.measurements.inventory import Group
from robustnas.measurements.location import STORE_VARIABLE
from robustnas.measurements.measurement import Measurement, MeasurementKey, NetworkKey
from robustnas.measurements.runs import Run, RunEndedError, renewal_interval
from robustnas.measurements.schema import SCHEMA_VERSION
from robustnas.measurements.selection import Selection
from robustnas.measurements.store import DEFAULT_LEASE, MeasurementStore
from robustnas.measurements.worklist import Worklist

__all__ = [
    "ActiveClaim",
    "Claim",
    "ClaimLostError",
    "DEFAULT_LEASE",
    "Group",
    "Measurement",
    "MeasurementKey",
    "MeasurementStore",
    "NetworkKey",
    "Run",
    "RunEndedError",
    "SCHEMA_VERSION",
    "STORE_VARIABLE",
    "Selection",
    "Worklist",
    "renewal_interval",
]
