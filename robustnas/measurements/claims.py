"""Claims: the right of one worker to train and measure one network, for as long as its lease lasts.

A claim is renewed by what its worker gets done: numbers that it records, and progress that it reports. One that hangs
loses its network as one that died does. So a lease has to be longer than the longest step between two reports.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, delete, or_, select, update

from robustnas.errors import DataError, InvalidInputError
from robustnas.measurements.clock import now
from robustnas.measurements.measurement import Measurement, NetworkKey
from robustnas.measurements.rows import NETWORK_COLUMNS, insert_measurements, insertion, network_id, network_key
from robustnas.measurements.runs import Run, RunEndedError, renewal_interval
from robustnas.measurements.schema import CHOICE_LOCK, attempts, claims, lock, networks
from robustnas.measurements.transactions import Transactions


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
        run: The run that its worker belongs to; None if it belongs to none.
        doing: What its worker is doing, as reported last.
        share: How much of that is done, in [0, 1].
    """

    network: NetworkKey
    worker: str
    claimed_at: datetime
    seconds_left: float
    run: str | None = None
    doing: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class Lease:
    """What holds a claim in the database.

    Attributes:
        transactions: Of the store.
        network: What is claimed.
        worker: Who claims it.
        seconds: How long it holds after it was taken or renewed.
        token: What tells this claim from all others.
        network_id: The id of the network's row, once it is taken.
        run: The run that the worker belongs to, if any.
        n_lost: How many workers of the run lost this network before: they died, or made no progress.
        is_given_up: Whether the run gave up on it.
    """

    transactions: Transactions
    network: NetworkKey
    worker: str
    seconds: float
    token: str
    network_id: int = 0
    run: Run | None = None
    n_lost: int = 0
    is_given_up: bool = False

    def extend(self, connection: Connection) -> None:
        """Renew the lease.

        Raises:
            ClaimLostError: Nothing holds the network, or another worker does.
            RunEndedError: The worker's run is over.
        """
        if self.run is not None:
            self.run.check(connection)
        own = (claims.c.network_id == self.network_id, claims.c.token == self.token)
        extended = update(claims).where(*own).values(expires_at=now() + self.seconds).returning(claims.c.network_id)
        if connection.scalar(extended) is None:
            holder = connection.scalar(select(claims.c.worker).where(claims.c.network_id == self.network_id))
            reason = f"it expired and {holder} took it" if holder else "it was released, or expired and was removed"
            raise ClaimLostError(f"{self.worker} lost its claim of {self.network}: {reason}; nothing was written")

    def note(self, connection: Connection, **values: object) -> None:
        """Note something in the attempt of the worker's run, if it belongs to one."""
        if self.run is not None:
            own = (attempts.c.network_id == self.network_id, attempts.c.run == self.run.token)
            connection.execute(update(attempts).where(*own, attempts.c.token == self.token).values(**values))

    def end(self, connection: Connection) -> None:
        """Release the network; does nothing if it is no longer held."""
        connection.execute(delete(claims).where(claims.c.network_id == self.network_id, claims.c.token == self.token))


class Claim:
    """The right to measure a network, made by `MeasurementStore.claim`; a context manager that releases it.

    Args:
        lease: How it is held.

    Attributes:
        network: The network that is claimed.
        worker: Who claimed it.
        n_lost: How many workers of the same run lost this network before: they died, or made no progress.
        is_given_up: Whether the run that its worker belongs to gave up on the network.
    """

    def __init__(self, lease: Lease) -> None:
        self.network, self.worker = lease.network, lease.worker
        self.n_lost, self.is_given_up = lease.n_lost, lease.is_given_up
        self._lease = lease
        self._renewed = time.monotonic()

    def renew(self) -> None:
        """Renew the lease.

        Raises:
            ClaimLostError: It expired, and another worker took it or it was removed.
            RunEndedError: The worker's run is over.
            DataError: The store cannot be written.
        """
        self._renewed = time.monotonic()
        self._lease.transactions.write(self._lease.extend)

    def progress(self, stage: str, share: float) -> None:
        """Renew the lease because there is progress, and show it, unless that was done a moment ago.

        A store that cannot be reached is tried again at the next report: the work goes on.

        Args:
            stage: What is being done.
            share: How much of it is done, in [0, 1].

        Raises:
            ClaimLostError, RunEndedError: As `renew`.
        """
        if time.monotonic() - self._renewed < renewal_interval(self._lease.seconds):
            return

        def work(connection: Connection) -> None:
            self._lease.extend(connection)
            self._lease.note(connection, doing=stage, share=share)

        self._renewed = time.monotonic()
        try:
            self._lease.transactions.write(work, patient=False)
        except (ClaimLostError, RunEndedError):
            raise
        except DataError:
            return  # whether it still holds, the next report or record will say

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
            RunEndedError: The worker's run is over; nothing was written.
            DataError: The store cannot be written.
        """
        values = [measurements] if isinstance(measurements, Measurement) else list(measurements)
        for value in values:
            if value.key.network != self.network:
                raise InvalidInputError(f"the measurement is of {value.key.network}; the claim is of {self.network}")

        def work(connection: Connection) -> int:
            self._lease.extend(connection)
            n_new = insert_measurements(connection, self._lease.network_id, values, replace=replace)
            self._lease.note(connection, n_recorded=attempts.c.n_recorded + n_new)
            return n_new

        self._renewed = time.monotonic()
        return self._lease.transactions.write(work)

    def release(self) -> None:
        """Release the network; does nothing if it is no longer ours.

        Raises:
            DataError: The store cannot be written.
        """
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


def take(
    transactions: Transactions, network: NetworkKey, worker: str, seconds: float, run: Run | None = None
) -> Lease | None:
    """Take a network that nobody holds, or whose holder's lease is over; None if a live claim holds it."""
    lease = Lease(transactions, network, worker, seconds, uuid.uuid4().hex, run=run)
    return transactions.write(lambda connection: _taken(connection, lease))


def take_first(
    transactions: Transactions, wanted: Sequence[NetworkKey], worker: str, seconds: float, run: Run | None = None
) -> Lease | None:
    """Take the first network that nobody holds, in one transaction, or two; None if all are held.

    Who sees another one take what it chose chooses again in turn, one after the other: of a thousand workers that start
    together, all would else try the first network, and all but one of them the second.
    """
    token = uuid.uuid4().hex

    def choose(connection: Connection) -> tuple[bool, Lease | None]:
        """Return whether any network is free, and the lease of the first one; None if another one was faster."""
        held = _held(connection, token)
        first = next((network for network in wanted if network not in held), None)
        if first is None:
            return False, None
        return True, _taken(connection, Lease(transactions, first, worker, seconds, token, run=run))

    def choose_in_turn(connection: Connection) -> tuple[bool, Lease | None]:
        lock(connection, CHOICE_LOCK)
        return choose(connection)

    is_any_free, lease = transactions.write(choose) if wanted else (False, None)
    while is_any_free and lease is None:  # only on a server: SQLite's transactions that write exclude others
        is_any_free, lease = transactions.write(choose_in_turn)
    return lease


def _held(connection: Connection, token: str) -> set[NetworkKey]:
    """Return the networks that are claimed, but by a token: it is there if its transaction runs again."""
    query = select(*NETWORK_COLUMNS).join_from(networks, claims)
    return {
        network_key(*row)
        for row in connection.execute(query.where(claims.c.expires_at > now(), claims.c.token != token))
    }


def _taken(connection: Connection, wanted: Lease) -> Lease | None:
    """Claim a network and return its lease, complete; None if a live claim holds it."""
    owner = network_id(connection, wanted.network)
    # The row is locked before its time is read: of two workers, the second sees what the first wrote. A token of
    # our own is there if the transaction runs again after a commit whose confirmation was lost.
    former = connection.scalar(select(claims.c.token).where(claims.c.network_id == owner).with_for_update())
    insert = insertion(connection, claims).values(
        network_id=owner,
        token=wanted.token,
        worker=wanted.worker,
        claimed_at=now(),
        expires_at=now() + wanted.seconds,
    )
    taken = {name: insert.excluded[name] for name in ("token", "worker", "claimed_at", "expires_at")}
    free = or_(claims.c.expires_at <= now(), claims.c.token == wanted.token)
    upsert = insert.on_conflict_do_update(index_elements=[claims.c.network_id], set_=taken, where=free)
    if connection.scalar(upsert.returning(claims.c.network_id)) is None:
        return None
    n_lost, is_given_up = wanted.run.begin(connection, owner, wanted.token, former) if wanted.run else (0, False)
    return replace(wanted, network_id=owner, n_lost=n_lost, is_given_up=is_given_up)


def active(connection: Connection) -> list[ActiveClaim]:
    """Return the claims that are held now, the oldest first."""
    left = (claims.c.expires_at - now()).label("left")
    seen = (claims.c.worker, claims.c.claimed_at, left, attempts.c.run, attempts.c.doing, attempts.c.share)
    query = select(*NETWORK_COLUMNS, *seen).join_from(networks, claims)
    query = query.outerjoin(
        attempts, (attempts.c.network_id == claims.c.network_id) & (attempts.c.token == claims.c.token)
    )
    rows = connection.execute(query.where(claims.c.expires_at > now()).order_by(claims.c.claimed_at)).all()
    n = len(NETWORK_COLUMNS)
    return [
        ActiveClaim(
            network_key(*row[:n]),
            row.worker,
            datetime.fromtimestamp(row.claimed_at, UTC),
            row.left,
            row.run,
            row.doing or "",
            row.share or 0.0,
        )
        for row in rows
    ]


def remove_expired(connection: Connection) -> int:
    """Delete the claims whose lease is over and return how many there were."""
    query = delete(claims).where(claims.c.expires_at <= now()).returning(claims.c.network_id)
    return len(connection.execute(query).all())
