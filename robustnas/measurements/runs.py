"""Runs: many workers that fill a store together, for as long as the process that submitted them goes on.

Workers may be anywhere, and what started them may have no way to stop them: they look here. What one of them learnt,
that a network cannot be measured or that workers die at it, is known to the others, as long as the run goes on.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, func, select, update

from robustnas.errors import DataError
from robustnas.measurements.clock import now
from robustnas.measurements.measurement import NetworkKey
from robustnas.measurements.rows import NETWORK_COLUMNS, insertion, network_id, network_key
from robustnas.measurements.schema import attempts, networks, runs
from robustnas.measurements.transactions import Transactions

_LONGEST_SILENCE = 10.0  # seconds between two renewals, at most


def renewal_interval(lease: float) -> float:
    """Return after how many seconds a lease is renewed, while there is reason to."""
    return min(lease / 4, _LONGEST_SILENCE)


class RunEndedError(DataError):
    """The run that a worker belongs to is over: it was stopped, or the process that submitted it is gone."""


@dataclass(frozen=True)
class Run:
    """A run, as its submitter and its workers see it; made by `MeasurementStore.start_run` and `MeasurementStore.run`.

    Attributes:
        transactions: Of the store.
        token: What tells it from all others.
        submitter: The process that submitted it: workers in that very process renew it themselves.
        lease: Seconds that it goes on after it was renewed last.
    """

    transactions: Transactions
    token: str
    submitter: str
    lease: float

    def renew(self) -> None:
        """Have it go on, even if it was ended meanwhile; raises `DataError` if the store cannot be written."""

        def work(connection: Connection) -> None:
            until = now() + self.lease
            new = insertion(connection, runs).values(token=self.token, submitter=self.submitter, expires_at=until)
            again = {"expires_at": new.excluded.expires_at}
            connection.execute(new.on_conflict_do_update(index_elements=[runs.c.token], set_=again))

        self.transactions.write(work)

    def end(self) -> None:
        """End it: its workers stop at their next report, and its attempts are forgotten; errors as `renew`."""
        self.transactions.write(lambda connection: connection.execute(delete(runs).where(runs.c.token == self.token)))

    def confirm(self) -> None:
        """Look whether it goes on; errors as `check` and `renew`."""
        self.transactions.write(self.check)

    def check(self, connection: Connection) -> None:
        """Look whether it goes on.

        Raises:
            RunEndedError: It does not.
        """
        if self.submitter == this_process():
            own = update(runs).where(runs.c.token == self.token)
            connection.execute(own.values(expires_at=now() + self.lease))
        live = select(runs.c.token).where(runs.c.token == self.token, runs.c.expires_at > now())
        if connection.scalar(live.with_for_update(read=True, key_share=True)) is None:
            raise RunEndedError(f"the run of {self.submitter} is over; what was measured is kept")

    def begin(self, connection: Connection, owner: int, token: str, former: str | None) -> tuple[int, bool]:
        """Note the begin of an attempt at a network.

        Args:
            connection: Inside the transaction that takes the claim.
            owner: The id of the network.
            token: Of the claim.
            former: The token of the claim that it replaces, because that expired.

        Returns:
            How many workers of this run lost the network before, and whether the run gave up on it.

        Raises:
            RunEndedError: The run does not go on.
        """
        self.check(connection)
        new = insertion(connection, attempts).values(
            run=self.token, network_id=owner, token=token, doing="", share=0.0, n_recorded=0, n_lost=0
        )
        lost = (attempts.c.token == (former or "")) & (attempts.c.token != token)
        counted = {"token": token, "doing": "", "share": 0.0, "n_lost": attempts.c.n_lost + case((lost, 1), else_=0)}
        upsert = new.on_conflict_do_update(index_elements=[attempts.c.network_id, attempts.c.run], set_=counted)
        row = connection.execute(upsert.returning(attempts.c.n_lost, attempts.c.reason)).one()
        return row.n_lost, row.reason is not None

    def give_up(self, network: NetworkKey, reason: str) -> None:
        """Have no worker of this run try a network again; errors as `renew`."""

        def work(connection: Connection) -> None:
            own = (attempts.c.run == self.token, attempts.c.network_id == network_id(connection, network))
            connection.execute(update(attempts).where(*own).values(reason=reason))

        self.transactions.write(work)

    def n_recorded(self) -> int:
        """Return how many numbers its workers recorded, those of workers that died included; errors as `renew`."""
        query = select(func.sum(attempts.c.n_recorded)).where(attempts.c.run == self.token)
        return self.transactions.read(lambda connection: int(connection.scalar(query) or 0))

    def failed(self) -> dict[NetworkKey, str]:
        """Return the networks that it gave up on, with the reasons; errors as `renew`."""
        return self.transactions.read(lambda connection: given_up(connection, self.token))


def given_up(connection: Connection, run: str | None = None) -> dict[NetworkKey, str]:
    """Return the networks that a run gave up on, by its token, with the reasons; all runs that go on if None."""
    query = select(*NETWORK_COLUMNS, attempts.c.reason).join_from(networks, attempts).join(runs)
    chosen = runs.c.expires_at > now() if run is None else runs.c.token == run
    rows = connection.execute(query.where(attempts.c.reason.is_not(None), chosen)).all()
    return {network_key(*row[:-1]): row.reason for row in rows}


def remove_ended(connection: Connection) -> None:
    """Delete the runs whose submitters are gone, with their attempts."""
    connection.execute(delete(runs).where(runs.c.expires_at <= now()))


def this_process() -> str:
    """Return a name of this process, for display: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
