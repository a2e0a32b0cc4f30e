from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.comparison.manifest import manifest
from experiments.comparison.plan import Plan
from experiments.comparison.run import record
from experiments.comparison.spec import RunSpec
from experiments.comparison.trajectory import hypervolume_scale
from robustnas import Cell, Objective, Oracle
from robustnas.errors import ObjectiveError
from robustnas.objectives import facts
from robustnas.objectives.constraint import Constraint, parse_clause
from robustnas.objectives.objective import feasible, parse_objectives
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import all_parameters
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.attached.attaching import attach
from robustnas.tables.database.database import Database
from robustnas.tables.noise import noise_floor, noise_near_best

PARAMS = all_parameters()
SMALL = Cell.from_index(int(PARAMS.argmin()))
LARGE = Cell.from_index(int(PARAMS.argmax()))
WHERE = "where params <= 200000"


@pytest.fixture(scope="module")
def table() -> ArrayTable:
    rng = np.random.default_rng(0)
    networks = space.network_of_index()
    scores = {name: rng.random(6466)[networks] for name in ("clean", "pgd@1")}
    latency = np.where(networks % 10 == 0, np.nan, rng.random(15_625))
    return ArrayTable(scores, "cifar10", attached={"hw.latency": latency})


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "normal"),
        [
            ("params<=500000", "params <= 500000"),
            (" 0.5*clean  + 0.5*pgd@1>.6 ", "0.5*clean + 0.5*pgd@1 > .6"),
            ("hw.edgegpu_latency < -1e-3", "hw.edgegpu_latency < -1e-3"),
            ("clean >=0.9", "clean >= 0.9"),
        ],
    )
    def test_comparisons(self, text: str, normal: str) -> None:
        constraint = Constraint(text)
        assert str(constraint) == normal
        assert Constraint(str(constraint)) == constraint
        assert constraint.bound == float(normal.split()[-1])

    def test_a_clause_holds_for_all_objectives_and_is_written_once(self) -> None:
        text = "clean, pgd@1 where params <= 5e5 and clean > 0.9"
        objectives = parse_objectives(text.replace(" <= ", "<="))
        assert [objective.expression for objective in objectives] == ["clean", "pgd@1"]
        assert ", ".join(map(str, objectives)) == text
        assert parse_objectives(", ".join(map(str, objectives))) == objectives
        assert objectives[1].constraints == parse_clause("params <= 5e5 and clean > 0.9")

    def test_what_a_clause_needs_counts(self) -> None:
        objective = Objective("clean where pgd@1 > 0.4 and hw.latency < 3")
        assert [str(metric) for metric in objective.metrics] == ["clean", "pgd@1"]
        assert objective.attached == ("hw.latency",)
        assert objective.passes == 1 + 81

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("clean where", "nothing follows 'where'"),
            ("where params < 3", "not one objective"),
            ("clean where params", "cannot read 'params' in a where-clause"),
            ("clean where params < 3 flops < 4", "'and' between several"),
            ("clean where 1 < params < 3", "cannot read"),
            ("clean where params == 3", "sign '=='.*expected one of <=, >=, <, >"),
            ("clean where params != 3", "sign '!='"),
            ("clean where < 3", "compares nothing"),
            ("clean where params < many", "'many'.*expected a finite number"),
            ("clean where params < nan", "'nan'.*finite"),
            ("clean where params <", "''.*finite"),
            ("clean where 3 < params", "'params' in '3 < params'.*on the right"),
            ("clean where parms < 3", "unknown objective 'parms'; did you mean 'params'"),
            ("clean where pgd < 3", "eps '' in 'pgd'"),
            ("clean where params + clean < 3", "no common unit"),
            ("clean where params < 3 and", "cannot read ''"),
            ("clean where params < 3 where flops < 4", "2 where-clauses"),
            ("clean where params < 3, pgd@1", "the where-clause comes last"),
            ("clean where params < 500,000", "the where-clause comes last"),
            ("clean, clean where params < 3", "different objectives"),
        ],
    )
    def test_faults(self, text: str, message: str) -> None:
        with pytest.raises(ObjectiveError, match=message):
            parse_objectives(text)


class TestFeasibility:
    def test_comparisons_are_over_cells_and_unknown_is_infeasible(self, table: ArrayTable) -> None:
        latency = table.attached_columns()["hw.latency"]
        mask = feasible(parse_objectives("clean where hw.latency < 0.5 and params >= 80000"), table)
        np.testing.assert_array_equal(mask, (latency < 0.5) & (PARAMS >= 80_000))
        assert feasible(parse_objectives("clean"), table).all()

    def test_what_cannot_be_satisfied_is_refused_with_the_range(self, table: ArrayTable) -> None:
        with pytest.raises(ObjectiveError, match=r"no cell of cifar10 satisfies 'params < 5': params is from 73306 to"):
            Oracle("clean where params < 5", table)
        with pytest.raises(ObjectiveError, match=r"shares are in \[0, 1\]: write clean > 0.95"):
            Oracle("clean where clean > 95", ArrayTable({"clean": np.full(15_625, 0.9)}))
        nothing = ArrayTable({"clean": np.zeros(15_625)}, attached={"hw.x": np.full(15_625, np.nan)})
        with pytest.raises(ObjectiveError, match=r"hw.x is not known of any"):
            Oracle("clean where hw.x < 5", nothing)
        with pytest.raises(ObjectiveError, match=r"no cell of custom has a known score of 'hw.x'"):
            facts("hw.x", nothing)

    def test_an_infeasible_network_costs_a_query_and_keeps_its_scores(self, table: ArrayTable) -> None:
        oracle = Oracle(f"clean, pgd@1 {WHERE}", table, budget=2)
        large, small = oracle.query(LARGE), oracle.query(SMALL)
        assert np.isfinite([*large.scores, *small.scores, *small.utilities]).all()
        assert np.isnan(large.utilities).all()
        assert (large.cost, oracle.remaining) == (82, 0)


class TestRuns:
    @pytest.mark.parametrize("searcher", ["random", "local", "evolution"])
    def test_the_best_so_far_is_feasible(self, table: ArrayTable, searcher: str) -> None:
        run = record(RunSpec(f"clean {WHERE}", searcher, searcher, {}, 80, 0, known=False), table)
        ok = feasible(parse_objectives(run["objective"]), table)[run["queries"]["index"]]
        scores, best = np.array(run["queries"]["score"]), np.array(run["queries"]["best"])
        expected = np.maximum.accumulate(np.where(ok, scores, -np.inf))
        np.testing.assert_array_equal(best, np.where(np.isinf(expected), np.nan, expected))
        assert np.isfinite(scores).all()
        assert 0 < ok.sum() < len(ok)
        assert PARAMS[Cell.parse(run["best"]["arch"]).index] <= 200_000
        assert "attached_digests" not in run

    def test_there_is_no_best_before_the_first_feasible_network(self, table: ArrayTable) -> None:
        clause = "where params >= 1e6 and hw.latency < 0.1"
        run = record(RunSpec(f"clean {clause}", "random", "random", {}, 3, 0, known=False), table)
        assert np.isnan([*run["queries"]["best"], run["best"]["score"]]).all()
        front = record(RunSpec(f"clean, pgd@1 {clause}", "optuna-nsga2", "o", {}, 3, 0, known=False), table)
        assert (front["queries"]["best"], front["front"]) == ([0.0] * 3, [])

    def test_several_objectives(self, table: ArrayTable) -> None:
        run = record(RunSpec(f"clean, hw.latency {WHERE}", "optuna-nsga2", "nsga2", {}, 60, 0), table)
        assert all(PARAMS[Cell.parse(member["arch"]).index] <= 200_000 for member in run["front"])
        assert all(np.isfinite(member["scores"]).all() for member in run["front"])
        assert run["queries"]["best"][-1] == max(run["queries"]["best"]) > 0
        assert run["attached_digests"] == table.attached_digests()

    def test_missing_numbers_are_no_best(self, table: ArrayTable) -> None:
        run = record(RunSpec("hw.latency", "random", "random", {}, 100, 0), table)
        scores = np.array(run["queries"]["score"])
        assert 0 < np.isnan(scores).sum() < 30
        assert run["best"]["score"] == np.nanmin(scores) == run["queries"]["best"][-1]

    def test_facts_are_of_feasible_networks_only(self, table: ArrayTable) -> None:
        found, scores = (
            facts(f"clean {WHERE}", table),
            np.where(PARAMS <= 200_000, Objective("clean").evaluate(table), np.nan),
        )
        noise = noise_floor(scores[space.network_indices()]).std
        assert found["best"] == np.nanmax(scores) < facts("clean", table)["best"]
        assert found["noise_floor"] == noise
        assert found["n_within_noise"] == len(np.unique(space.network_of_index()[scores >= found["best"] - noise]))
        noise = noise_near_best(scores[space.network_indices()]).std
        assert found["noise_near_best"] == noise
        within = len(np.unique(space.network_of_index()[scores >= found["best"] - noise]))
        assert found["n_within_noise_near_best"] == within
        assert found["title"] == "clean where params <= 200000"

    def test_facts_of_attached_columns(self, table: ArrayTable) -> None:
        latency = table.attached_columns()["hw.latency"]
        found = facts("hw.latency", table)
        assert (found["best"], found["minimised"], found["noise_floor"]) == (np.nanmin(latency), True, 0.0)
        found = facts("max(hw.latency)", table)
        assert (found["best"], found["noise_floor"], found["scale"]) == (np.nanmax(latency), None, "count")

    def test_the_manifest_names_the_tables_that_objectives_use(self, table: ArrayTable) -> None:
        searchers = '[[searchers]]\nname = "random"\n'
        plain = Plan.parse(f'objectives = ["clean"]\n{searchers}')
        using = Plan.parse(f'objectives = ["clean", "pgd@1 where hw.latency < 0.5"]\n{searchers}')
        assert "attached_digests" not in manifest(plain, table)
        assert manifest(using, table)["attached_digests"] == table.attached_digests()
        assert list(manifest(using, table)["objectives"]) == ["clean", "pgd@1 where hw.latency < 0.5"]

    def test_the_hypervolume_is_scaled_to_feasible_networks(self, table: ArrayTable) -> None:
        scale = hypervolume_scale(parse_objectives(f"clean, params {WHERE}"), table)
        scores = np.stack([Objective("clean").evaluate(table), -PARAMS.astype(float)], axis=1)
        assert scale(scores[PARAMS <= 200_000]) == pytest.approx(1.0)


@pytest.mark.timeout(60)  # slow where processors are shared
def test_the_command_line_prints_null_until_something_is_feasible(
    published: Path, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUSTNAS_DATA", str(published))
    source = tmp_path / "hw.csv"
    source.write_text("id,latency\n" + "".join(f"{i},{i}\n" for i in range(0, 15_625, 2)))
    attach(source, "cifar10", "hw")

    def search(objective: str, budget: int) -> dict[str, object]:
        arguments = ["search", "--objective", objective, "--searcher", "random", "--budget", str(budget), "--json"]
        arguments += ["--set", "known=false"]
        result = CliRunner().invoke(main, arguments, prog_name="robustnas")
        assert result.exit_code == 0, result.output
        answer: dict[str, object] = json.loads(result.stdout, parse_constant=lambda text: pytest.fail(text))
        return answer

    answer = search("clean where params <= 80000 and hw.latency < 8000", 100)
    known = [score for score in answer["trajectory"] if score is not None]
    assert 0 < len(known) < 100
    assert known == sorted(known)
    table = Database.open(published)["cifar10"]
    best = Cell.parse(answer["best"]["arch"])
    assert table.value(best, "clean") == answer["best"]["score"]
    assert table.attached_columns()["hw.latency"][best.index] < 8000
    assert search("clean where hw.latency < 1", 1)["best"]["score"] is None
    text = CliRunner().invoke(main, ["search", "--objective", "clean where params < 5"], prog_name="robustnas")
    assert (text.exit_code, "no cell of cifar10" in text.stderr) == (2, True)


class TestSlack:
    VALUES = np.array([1.0, 2.0, np.nextafter(2.0, 3.0), 5.0, *[np.nan] * 15621])
    TABLE = ArrayTable({}, attached={"hw.x": VALUES})

    @pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
    @pytest.mark.parametrize("bound", ["2", "1e300", "-4.5", "0.1"])
    def test_it_is_negative_exactly_where_the_constraint_is_violated(self, sign: str, bound: str) -> None:
        constraint = Constraint(f"hw.x {sign} {bound}")
        slack = constraint.slack(self.TABLE)
        np.testing.assert_array_equal(slack >= 0, constraint.satisfied(self.TABLE))
        assert np.isnan(slack[4:]).all()

    def test_it_is_in_natural_units(self) -> None:
        assert Constraint("hw.x <= 4").slack(self.TABLE)[[0, 3]].tolist() == [3.0, -1.0]
        assert Constraint("hw.x > 4").slack(self.TABLE)[[0, 3]].tolist() == [-3.0, 1.0]
