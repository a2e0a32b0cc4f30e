"""Finished trials, added to a study all at once: one transaction, where Optuna makes one for each trial."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.trial import FrozenTrial
    from sqlalchemy.orm import Session


def append_missing(
    storage: BaseStorage, study_id: int, trials: Sequence[FrozenTrial], attributes: Mapping[str, Any]
) -> int:
    """Add what a study lacks of some trials and attributes; the trials it has are taken for the first of them.

    In a database, all is added or nothing, and of two processes that add at once only one does. In a journal, a process
    that is killed leaves some trials, and the next one goes on from there.

    Args:
        storage: Where the study is, as `searchers.optuna_study.open_storage` returns it.
        study_id: The study.
        trials: Finished trials, in order.
        attributes: User attributes of the study; those that it has stay as they are.

    Returns:
        How many trials were added.
    """
    from optuna.storages import RDBStorage

    if isinstance(storage, RDBStorage):
        return _insert(storage, study_id, trials, attributes)
    known = storage.get_study_user_attrs(study_id)
    for name, value in attributes.items():
        if name not in known:
            storage.set_study_user_attr(study_id, name, value)
    missing = trials[n_trials(storage, study_id) :]
    for trial in missing:
        storage.create_new_trial(study_id, template_trial=trial)
    return len(missing)


def n_trials(storage: BaseStorage, study_id: int) -> int:
    """Return how many trials a study has; of a database without reading them all, as Optuna does."""
    from optuna.storages import RDBStorage

    if not isinstance(storage, RDBStorage):
        return storage.get_n_trials(study_id)
    from optuna.storages._rdb.models import TrialModel
    from sqlalchemy import func, select
    from sqlalchemy.orm import Session

    with Session(storage.engine) as session:
        counted = select(func.count()).select_from(TrialModel).where(TrialModel.study_id == study_id)
        return session.execute(counted).scalar_one()


def _insert(storage: RDBStorage, study_id: int, trials: Sequence[FrozenTrial], attributes: Mapping[str, Any]) -> int:
    """Insert rows as `optuna.storages.RDBStorage.create_new_trial` does, a statement per kind of row."""
    from optuna.storages._rdb import models
    from sqlalchemy import insert, update
    from sqlalchemy.orm import Session

    with Session(storage.engine) as session, session.begin():
        # A write first: it locks the study, in SQLite the file, until all is written.
        study = models.StudyModel
        session.execute(update(study).where(study.study_id == study_id).values(study_name=study.study_name))
        known = {one.key for one in models.StudyUserAttributeModel.where_study_id(study_id, session)}
        rows = [
            {"study_id": study_id, "key": name, "value_json": json.dumps(value)}
            for name, value in attributes.items()
            if name not in known
        ]
        n_before = models.TrialModel.count(session, study.find_or_raise_by_id(study_id, session))
        missing = trials[n_before:]
        added = _trials(session, study_id, missing, n_before)
        for model, found in [(models.StudyUserAttributeModel, rows), *_parts(dict(zip(added, missing, strict=True)))]:
            if found:
                session.execute(insert(model), found)
    return len(missing)


def _trials(session: Session, study_id: int, trials: Sequence[FrozenTrial], n_before: int) -> list[int]:
    """Insert the trials themselves and return their ids."""
    from optuna.storages._rdb.models import TrialModel

    added = []
    for number, trial in enumerate(trials, start=n_before):
        row = TrialModel(study_id=study_id, number=number, state=trial.state)
        row.datetime_start, row.datetime_complete = trial.datetime_start, trial.datetime_complete
        added.append(row)
    session.add_all(added)
    session.flush()
    return [int(row.trial_id) for row in added]


def _parts(trials: Mapping[int, FrozenTrial]) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """Yield each kind of row that trials consist of, by the trials' ids."""
    from optuna.distributions import distribution_to_json
    from optuna.storages._rdb import models

    written = {
        id(found): distribution_to_json(found) for trial in trials.values() for found in trial.distributions.values()
    }
    yield (
        models.TrialParamModel,
        [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": trial.distributions[name].to_internal_repr(value),
                "distribution_json": written[id(trial.distributions[name])],
            }
            for trial_id, trial in trials.items()
            for name, value in trial.params.items()
        ],
    )
    store = models.TrialValueModel.value_to_stored_repr
    yield (
        models.TrialValueModel,
        [
            {"trial_id": trial_id, "objective": place, "value": stored, "value_type": kind}
            for trial_id, trial in trials.items()
            for place, (stored, kind) in enumerate(map(store, trial.values or ()))
        ],
    )
    for model, field in (
        (models.TrialUserAttributeModel, "user_attrs"),
        (models.TrialSystemAttributeModel, "system_attrs"),
    ):
        yield (
            model,
            [
                {"trial_id": trial_id, "key": name, "value_json": json.dumps(value)}
                for trial_id, trial in trials.items()
                for name, value in getattr(trial, field).items()
            ],
        )
