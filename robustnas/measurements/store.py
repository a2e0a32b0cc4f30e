"""The store of measurements, as evaluators and plans see it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlalchemy import ColumnElement, func, select, true

from robustnas.errors import InvalidInputError
from robustnas.measurements import fields as checked
from robustnas.measurements import inventory, rows, runs, schema
from robustnas.measurements.claims import ActiveClaim, Claim, active, remove_expired, take, take_first
from robustnas.measurements.frame import measurement_frame
from robustnas.measurements.inventory import Group
from robustnas.measurements.location import Location
from robustnas.measurements.measurement import Measurement, MeasurementKey, NetworkKey
from robustnas.measurements.migration import prepare
from robustnas.measurements.runs import Run, this_process
from robustnas.measurements.selection import EVERYTHING, Selection
from robustnas.measurements.transactions import Transactions
from robustnas.network_drive import warn_of_network_drive

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_LEASE = 120.0
"""Seconds that a claim lasts unless it is renewed; after them, the network of a worker that is gone is free again."""


class MeasurementStore:
    """Measurements of many networks, filled by many processes; a context manager, made by `open`.

    It may be pickled, forked and used by threads: no connection outlives the call that needs it. An SQLite file serves
    the processes of one machine and must not lie on a network drive; machines share a PostgreSQL server.

    Args:
        location: Where it is.

    >>> import numpy as np
    >>> from datetime import UTC, datetime
    >>> from tempfile import TemporaryDirectory
    >>> from robustnas import Cell
    >>> from robustnas.spaces.nasbench201 import space
    >>> arch = space.canonical(Cell.parse("#13433")).arch
    >>> network = NetworkKey(arch, "digits", "0" * 64, "c0ffee00", seed=0)
    >>> key = MeasurementKey(network, "pgd@1.50", "paper", "c0ffee01")
    >>> with TemporaryDirectory() as folder, MeasurementStore.open(f"{folder}/new.sqlite") as store:
    ...     with store.claim(network) as claim:
    ...         store.claim(network) is None
    ...         value = Measurement(key, 0.9, {}, np.eye(10, dtype=int), 1.5, "cpu", {}, datetime.now(UTC))
    ...         claim.record(value), claim.record(value)
    ...     [(value.key.metric, value.accuracy) for value in store.measurements(network)]
    True
    (1, 0)
    [('pgd@1.5', 0.9)]
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self._transactions = Transactions(location)

    @classmethod
    def open(cls, where: str | Path | None = None) -> MeasurementStore:
        """Open a store; it is created if it is new, and converted if it is of an older version.

        Many processes may do so at once.

        Args:
            where: A path of an SQLite file, or ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``;
                None for what ROBUSTNAS_STORE names, else ``measurements.sqlite`` in the user's data directory.

        Raises:
            InvalidInputError: A URL that does not parse.
            DataError: It cannot be opened, is of a later version, or is something else; says what to do.
        """
        store = cls(Location.parse(where))
        if store.location.path:
            warn_of_network_drive(store.location.path, "postgresql://USER@HOST/DATABASE")
        prepare(store._transactions, store.location)
        if store.location.path:
            store._transactions.configure(
                "PRAGMA journal_mode=WAL"
            )  # readers and a writer do not wait; stays with the file
        return store

    def known(
        self,
        networks: NetworkKey | Iterable[NetworkKey] | None = None,
        *,
        protocol: str | None = None,
        settings: str | None = None,
        since: datetime | None = None,
    ) -> set[MeasurementKey]:
        """Return the keys of the measurements in the store, by one query for all networks of the same training.

        Args:
            networks: One, or many; None for all in the store.
            protocol: Only those of this protocol.
            settings: Only those of these settings.
            since: Only those measured at this moment or later.

        Raises:
            DataError: The store cannot be read, or holds a row that is not a measurement.
        """
        conditions = [*_equal(protocol=protocol, settings=settings), *_since(since)]
        wanted = _wanted(networks)
        return self._transactions.read(lambda connection: set(rows.select_keys(connection, wanted, conditions)))

    def missing(self, keys: Iterable[MeasurementKey], *, since: datetime | None = None) -> list[MeasurementKey]:
        """Return those of some keys that have no measurement yet, in their order; errors as `known`.

        Args:
            keys: What is wanted.
            since: Older measurements do not count.
        """
        asked = list(dict.fromkeys(keys))
        known = self.known({key.network for key in asked}, since=since)
        return [key for key in asked if key not in known]

    def measurements(
        self,
        networks: NetworkKey | Iterable[NetworkKey] | None = None,
        *,
        metric: str | None = None,
        protocol: str | None = None,
        settings: str | None = None,
        since: datetime | None = None,
    ) -> list[Measurement]:
        """Return measurements, in the order in which they were recorded; arguments and errors as `known`.

        Args:
            networks: One, or many; None for all in the store.
            metric: Only those of this metric.
            protocol: Only those of this protocol.
            settings: Only those of these settings.
            since: Only those measured at this moment or later.
        """
        name = None if metric is None else checked.metric_name("metric", metric)
        conditions = [*_equal(metric=name, protocol=protocol, settings=settings), *_since(since)]
        wanted = _wanted(networks)
        return self._transactions.read(
            lambda connection: list(rows.select_measurements(connection, wanted, conditions))
        )

    def accuracies(
        self, *, metric: str, protocol: str | None = None, settings: str | None = None, since: datetime | None = None
    ) -> dict[NetworkKey, float]:
        """Return the accuracies of one metric by network, and nothing else of them; arguments and errors as `known`."""
        conditions = [
            *_equal(metric=checked.metric_name("metric", metric), protocol=protocol, settings=settings),
            *_since(since),
        ]
        return self._transactions.read(lambda connection: dict(rows.select_accuracies(connection, conditions)))

    def frame(self, *, confusion: bool = True) -> pd.DataFrame:
        """Return everything, one row per measurement in the order in which they were recorded.

        The columns are the fields of the key, ``source`` and ``level`` (NaN for clean), and those of `Measurement`.

        Args:
            confusion: Whether to include the confusion matrices, about 1 kB each for ten classes.

        Raises:
            DataError: The store cannot be read, or holds a row that is not a measurement.
        """
        return self._transactions.read(
            lambda connection: measurement_frame(
                rows.select_measurements(connection, [true()], []), confusion=confusion
            )
        )

    def __len__(self) -> int:
        """Return the number of measurements."""
        query = select(func.count()).select_from(schema.measurements)
        return self._transactions.read(lambda connection: int(connection.scalar(query) or 0))

    def groups(self, selection: Selection = EVERYTHING) -> list[Group]:
        """Return how many measurements of what there are, by training, metric and settings.

        Raises:
            DataError: The store cannot be read.
        """
        return self._transactions.read(lambda connection: inventory.groups(connection, selection))

    def space_versions(self, space: str) -> dict[str, int]:
        """Return how many measurements there are of each version of a space, the last measured last.

        Args:
            space: What records call the space.

        Raises:
            DataError: The store cannot be read.
        """
        return self._transactions.read(lambda connection: inventory.space_versions(connection, space))

    def archs(self, space: str, version: str, *, most: int) -> list[str]:
        """Return architectures of a version of a space that were measured, at most so many; errors as above."""
        return self._transactions.read(lambda connection: inventory.archs(connection, space, version, most))

    def forget(self, selection: Selection) -> int:
        """Delete some measurements for good and return how many there were.

        Claims are not touched: a worker that is measuring one of the networks records what it measures.

        Raises:
            DataError: The store cannot be written.
        """
        return self._transactions.write(lambda connection: inventory.forget(connection, selection))

    def n_images(self, selection: Selection) -> int:
        """Return how many test images the first of some measurements counts; 0 if there is none; errors as `known`."""
        return self._transactions.read(lambda connection: inventory.n_images(connection, selection))

    def rekey(self, selection: Selection, settings: str, versions: Mapping[str, str]) -> int:
        """Give some measurements other settings, in one transaction, and return how many got them.

        Args:
            selection: Which. Those whose network has a measurement under the new settings already are left.
            settings: The digest.
            versions: What is recorded with them, besides the versions that are.

        Raises:
            DataError: The store cannot be written.
        """
        return self._transactions.write(lambda connection: inventory.rekey(connection, selection, settings, versions))

    def claim(
        self,
        network: NetworkKey,
        *,
        worker: str | None = None,
        lease: float = DEFAULT_LEASE,
        run: Run | None = None,
    ) -> Claim | None:
        """Take the right to train and measure a network; of all workers, one gets it.

        The worker that gets it should ask `missing` before measuring: another one may have just finished.

        Args:
            network: Which.
            worker: Who takes it, for display; host and process id if None.
            lease: Seconds after which another worker may take it, unless it is renewed, which `Claim.record` and
                `Claim.progress` do: longer than any step between two of these; on the store's clock.
            run: The run that the worker belongs to.

        Returns:
            The claim; None while another one holds the network.

        Raises:
            InvalidInputError: A lease that is not a positive number.
            RunEndedError: The worker's run is over.
            DataError: The store cannot be written.
        """
        taken = take(self._transactions, network, _name(worker), _seconds(lease), run)
        return Claim(taken) if taken else None

    def claim_first(
        self,
        networks: Iterable[NetworkKey],
        *,
        worker: str | None = None,
        lease: float = DEFAULT_LEASE,
        run: Run | None = None,
    ) -> Claim | None:
        """Take the first of some networks that is free; None if all are held. Arguments and errors as `claim`.

        It takes one transaction, or two where another worker takes the same network at the same moment.
        """
        taken = take_first(self._transactions, list(networks), _name(worker), _seconds(lease), run)
        return Claim(taken) if taken else None

    def active_claims(self) -> list[ActiveClaim]:
        """Return the claims that are held now, the oldest first."""
        return self._transactions.read(active)

    def release_expired(self) -> int:
        """Remove the claims whose lease is over and return how many there were; new claims need no such cleaning.

        A worker that is still busy under such a claim loses it.
        """
        return self._transactions.write(remove_expired)

    def start_run(self, *, lease: float = DEFAULT_LEASE) -> Run:
        """Begin a run of many workers, which goes on while this process renews it.

        Args:
            lease: Seconds after which its workers stop, unless it is renewed.

        Raises:
            InvalidInputError: A lease that is not a positive number.
            DataError: The store cannot be written.
        """
        self._transactions.write(runs.remove_ended)
        run = self.run(uuid.uuid4().hex, this_process(), lease)
        run.renew()
        return run

    def run(self, token: str, submitter: str, lease: float = DEFAULT_LEASE) -> Run:
        """Return a run that another process began."""
        return Run(self._transactions, token, submitter, _seconds(lease))

    def given_up(self) -> dict[NetworkKey, str]:
        """Return the networks that runs which go on now have given up on, with the reasons; errors as `known`."""
        return self._transactions.read(runs.given_up)

    def close(self) -> None:
        """Release connections; the store may be used again."""
        self._transactions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return MeasurementStore.open, (self.location.reopens,)

    def __repr__(self) -> str:
        return f"MeasurementStore({str(self.location)!r})"


def _wanted(networks: NetworkKey | Iterable[NetworkKey] | None) -> list[ColumnElement[bool]]:
    if networks is None:
        return [true()]
    return rows.any_of([networks] if isinstance(networks, NetworkKey) else networks)


def _equal(**values: str | None) -> list[ColumnElement[bool]]:
    return [schema.measurements.c[name] == value for name, value in values.items() if value is not None]


def _since(moment: datetime | None) -> list[ColumnElement[bool]]:
    return [] if moment is None else [schema.measurements.c.measured_at >= moment]


def _name(worker: str | None) -> str:
    return this_process() if worker is None else checked.text("worker", worker)


def _seconds(lease: float) -> float:
    seconds = checked.number("lease", lease)
    if not seconds:
        raise InvalidInputError(f"lease is {lease!r}; expected a positive number of seconds")
    return seconds
