"""Claims: the right of one worker to train and measure one network, for as long as its lease lasts."""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, delete, func, or_, select, update

from robustnas.errors import DataError, InvalidInputError
from robustnas.measurements.clock import now
from robustnas.measurements.heartbeat import Heartbeat
from robustnas.measurements.measurement import Measurement, NetworkKey
from robustnas.measurements.rows import NETWORK_COLUMNS, insert_measurements, insertion, network_id, network_key
from robustnas.measurements.schema import claims, networks
from robustnas.measurements.transactions import Transactions

_CHOICE_LOCK = 7_262_852_012  # any number that no other program uses as an advisory lock


class ClaimLostError(DataError):
    """A claim is no longer its owner's: it expired and another worker took it, or it was released."""


@dataclass(frozen=True, slots=True)
class ActiveClaim:
    """A claim that is held now, for display.

    Attributes:
        network: What is claimed.
        worker: Who holds it.
        claimed_at: Since when, UTC, by the store's clock.
        seconds_left: Until it expires, unless it is renewed.
    """

    network: NetworkKey
    worker: str
    claimed_at: datetime
    seconds_left: float


@dataclass(frozen=True)
class Lease:
    """What holds a claim in the database, without the claim itself: a heartbeat must not keep that alive."""

    transactions: Transactions
    network: NetworkKey
    worker: str
    seconds: float
    token: str
    network_id: int

    def extend(self, connection: Connection) -> None:
        """Renew the lease.

        Raises:
            ClaimLostError: Nothing holds the network, or another worker does.
        """
        own = (claims.c.network_id == self.network_id, claims.c.token == self.token)
        extended = update(claims).where(*own).values(expires_at=now() + self.seconds).returning(claims.c.network_id)
        if connection.scalar(extended) is None:
            holder = connection.scalar(select(claims.c.worker).where(claims.c.network_id == self.network_id))
            reason = f"it expired and {holder} took it" if holder else "it was released, or expired and was removed"
            raise ClaimLostError(f"{self.worker} lost its claim of {self.network}: {reason}; nothing was written")

    def renew(self) -> bool:
        """Renew the lease and return whether it was still held."""
        try:
            self.transactions.write(self.extend)
        except ClaimLostError:
            return False
        return True

    def end(self, connection: Connection) -> None:
        """Release the network; does nothing if it is no longer held."""
        connection.execute(delete(claims).where(claims.c.network_id == self.network_id, claims.c.token == self.token))


class Claim:
    """The right to measure a network, made by `MeasurementStore.claim`; a context manager that releases it.

    Args:
        lease: How it is held.
        heartbeat: Whether a thread in the background renews it every third of the lease. It ends with the claim, and
            with the process.
    """

    def __init__(self, lease: Lease, *, heartbeat: bool = False) -> None:
        self._lease = lease
        self._heartbeat = Heartbeat(lease.renew, lease.seconds / 3) if heartbeat else None
        if self._heartbeat:
            weakref.finalize(self, self._heartbeat.stop)  # a claim that is forgotten, or the end of the process

    @property
    def network(self) -> NetworkKey:
        """The network that is claimed."""
        return self._lease.network

    @property
    def worker(self) -> str:
        """Who claimed it."""
        return self._lease.worker

    def renew(self) -> None:
        """Renew the lease.

        Raises:
            ClaimLostError: It expired, and another worker took it or it was removed.
            DataError: The store cannot be written.
        """
        self._lease.transactions.write(self._lease.extend)

    def record(self, measurements: Measurement | Iterable[Measurement], *, replace: bool = False) -> int:
        """Keep measurements of the claimed network and renew the claim, in one transaction.

        Args:
            measurements: The measurements.
            replace: Whether they take the place of what is in the store already, which is left unchanged otherwise.

        Returns:
            How many were written. (If the connection was lost during the commit and the transaction had to run again,
            those kept by the first run do not count as new.)

        Raises:
            InvalidInputError: A measurement of another network.
            ClaimLostError: The claim expired, and another worker took it or it was removed; nothing was written.
            DataError: The store cannot be written.
        """
        values = [measurements] if isinstance(measurements, Measurement) else list(measurements)
        for value in values:
            if value.key.network != self.network:
                raise InvalidInputError(f"the measurement is of {value.key.network}; the claim is of {self.network}")

        def work(connection: Connection) -> int:
            self._lease.extend(connection)
            return insert_measurements(connection, self._lease.network_id, values, replace=replace)

        return self._lease.transactions.write(work)

    def release(self) -> None:
        """Release the network; does nothing if it is no longer ours.

        Raises:
            DataError: The store cannot be written.
        """
        if self._heartbeat:
            self._heartbeat.join()
        self._lease.transactions.write(self._lease.end)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.release()
        except DataError:
            if error is None:
                raise  # else the first error says more, and the claim will expire


def take(transactions: Transactions, network: NetworkKey, worker: str, seconds: float) -> Lease | None:
    """Take a network that nobody holds, or whose holder's lease is over; None if a live claim holds it."""
    token = uuid.uuid4().hex
    owner = transactions.write(lambda connection: _taken(connection, network, worker, seconds, token))
    return None if owner is None else Lease(transactions, network, worker, seconds, token, owner)


def take_first(transactions: Transactions, wanted: Sequence[NetworkKey], worker: str, seconds: float) -> Lease | None:
    """Take the first network that nobody holds, in one transaction, or two; None if all are held.

    Who sees another one take what it chose chooses again in turn, one after the other: of a thousand workers that start
    together, all would else try the first network, and all but one of them the second.
    """
    token = uuid.uuid4().hex

    def choose(connection: Connection) -> tuple[NetworkKey, int | None] | None:
        held = _held(connection, token)
        first = next((network for network in wanted if network not in held), None)
        return None if first is None else (first, _taken(connection, first, worker, seconds, token))

    def choose_in_turn(connection: Connection) -> tuple[NetworkKey, int | None] | None:
        connection.execute(select(func.pg_advisory_xact_lock(_CHOICE_LOCK)))
        return choose(connection)

    found = transactions.write(choose) if wanted else None
    while found is not None:
        network, owner = found
        if owner is not None:
            return Lease(transactions, network, worker, seconds, token, owner)
        found = transactions.write(choose_in_turn)  # only on a server: SQLite's transactions that write exclude others
    return None


def _held(connection: Connection, token: str) -> set[NetworkKey]:
    """Return the networks that are claimed, but by a token: it is there if its transaction runs again."""
    query = select(*NETWORK_COLUMNS).join_from(networks, claims)
    return {
        network_key(*row)
        for row in connection.execute(query.where(claims.c.expires_at > now(), claims.c.token != token))
    }


def _taken(connection: Connection, network: NetworkKey, worker: str, seconds: float, token: str) -> int | None:
    """Claim a network and return its id; None if a live claim holds it."""
    owner = network_id(connection, network)
    insert = insertion(connection, claims).values(
        network_id=owner, token=token, worker=worker, claimed_at=now(), expires_at=now() + seconds
    )
    taken = {name: insert.excluded[name] for name in ("token", "worker", "claimed_at", "expires_at")}
    # The row is locked before its time is read: of two workers, the second sees what the first wrote. A token of
    # our own is there if the transaction runs again after a commit whose confirmation was lost.
    free = or_(claims.c.expires_at <= now(), claims.c.token == token)
    upsert = insert.on_conflict_do_update(index_elements=[claims.c.network_id], set_=taken, where=free)
    return owner if connection.scalar(upsert.returning(claims.c.network_id)) is not None else None


def active(connection: Connection) -> list[ActiveClaim]:
    """Return the claims that are held now, the oldest first."""
    left = (claims.c.expires_at - now()).label("left")
    query = select(*NETWORK_COLUMNS, claims.c.worker, claims.c.claimed_at, left).join_from(networks, claims)
    rows = connection.execute(query.where(claims.c.expires_at > now()).order_by(claims.c.claimed_at)).all()
    return [
        ActiveClaim(
            network_key(*row[: len(NETWORK_COLUMNS)]), row.worker, datetime.fromtimestamp(row.claimed_at, UTC), row.left
        )
        for row in rows
    ]


def remove_expired(connection: Connection) -> int:
    """Delete the claims whose lease is over and return how many there were."""
    query = delete(claims).where(claims.c.expires_at <= now()).returning(claims.c.network_id)
    return len(connection.execute(query).all())
