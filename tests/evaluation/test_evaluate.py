from __future__ import annotations

import json

import numpy as np
import pytest

from cxrneighbors.encoders.store import Embeddings
from cxrneighbors.errors import UserError
from cxrneighbors.evaluation import evaluate_overlap, make_baselines
from cxrneighbors.index.neighbor_index import NeighborIndex

from .fake_index import FakeIndex, make_studies, random_findings, uneven_patients

N = 120
QUICK = {"n_permutations": 99}


def make_index(kind="fake", seed=0, **columns):
    """Image vectors for all, report vectors for the first 90, three unlabelled images."""
    rng = np.random.default_rng(seed)
    findings = random_findings(rng, N)
    findings[7] = findings[50] = findings[119] = []
    split = np.where(np.arange(N) % 3 == 0, "test", "train")
    studies = make_studies(
        findings, uneven_patients(rng, N), rng.choice(["PA", "AP"], N), split=split, **columns
    )
    image, report = rng.normal(size=(N, 4)), rng.normal(size=(N, 3))
    report[90:] = np.nan
    if kind == "fake":
        return FakeIndex(studies, image, report)
    embeddings = Embeddings.from_arrays(list(studies["image_id"]), image, report)
    return NeighborIndex.build(embeddings, studies, backend=kind)


@pytest.fixture(scope="module", params=["fake", "exact", "hnsw"])
def result(request):
    index = make_index(request.param)
    methods = make_baselines(index)
    return evaluate_overlap(
        index, targets="split == 'test'", one_per="image", methods=methods, n_permutations=199
    )


def test_contract_of_overlap_json(result):
    summary = json.loads(json.dumps(result.summary, allow_nan=False))
    head = ("k", "definition", "where", "same_patient_excluded", "n_targets", "n_patients", "methods")
    assert list(summary)[: len(head)] == list(head)
    assert summary["k"] == 5 and summary["definition"] == "any" and summary["same_patient_excluded"] is True
    assert set(summary["methods"]) == {
        "image", "report", "fused", "random", "random-view", "random-view-sex-age"
    }  # fmt: skip
    for row in summary["methods"].values():
        assert row["lift"] == pytest.approx(row["mean_overlap"] - row["random_overlap"])
        low, high = row["lift_ci95"]
        assert low <= row["lift"] <= high
        assert len(row["histogram"]) == len(row["random_histogram"]) == 6
        assert sum(row["histogram"]) == row["n_targets"] == pytest.approx(sum(row["random_histogram"]))
        assert 0 < row["p_value"] <= row["p_value_adjusted"] <= 1
        assert row["histogram"] @ np.arange(6) / (5 * row["n_targets"]) == pytest.approx(row["mean_overlap"])
        assert set(row["tests"]["matched"]) == {"view", "view-sex-age"}


def test_every_number_by_hand(result):
    """Overlap and expectation of the image graph by plain loops over the table."""
    studies, table = result.studies, result.neighbors
    table = table[table["method"] == "image"]
    findings = {a: set(b) for a, b in zip(studies["image_id"], studies["findings"], strict=True)}
    patient = dict(zip(studies["image_id"], studies["patient_id"], strict=True))
    lifts, overlaps = [], []
    for query, hits in table.groupby("query_id"):
        candidates = [i for i in findings if findings[i] and patient[i] != patient[query]]
        chance = np.mean([bool(findings[query] & findings[i]) for i in candidates])
        overlaps.append(np.mean([bool(findings[query] & findings[i]) for i in hits["neighbor_id"]]))
        lifts.append(overlaps[-1] - chance)
        assert findings[query] and all(findings[i] for i in hits["neighbor_id"])
        assert all(patient[i] != patient[query] for i in hits["neighbor_id"])
    row = result.summary["methods"]["image"]
    is_target = (studies["split"] == "test") & (studies["findings"].map(len) > 0)
    assert row["n_targets"] == len(lifts) == is_target.sum()
    people = table.assign(patient=table["neighbor_id"].map(patient)).groupby("query_id")["patient"]
    assert row["repeated"] == {"study": 0, "patient": pytest.approx((people.nunique() < 5).mean())}
    assert row["repeated"]["patient"] > 0.1
    assert row["mean_overlap"] == pytest.approx(np.mean(overlaps))
    assert row["lift"] == pytest.approx(np.mean(lifts))


@pytest.mark.parametrize("kind", ["fake", "exact", "hnsw"])
@pytest.mark.parametrize("one_per", ["study", "patient"])
def test_one_image_of_each(kind, one_per):
    """Every method's five are of different patients or studies; drawn ones share what is expected."""
    rng = np.random.default_rng(1)
    index = make_index(kind, study_id=[f"s{row}" for row in rng.integers(0, 60, N)])
    options = {} if one_per == "patient" else {"one_per": one_per}
    result = evaluate_overlap(index, methods=make_baselines(index), **options, **QUICK)
    assert result.summary["one_per"] == one_per
    columns = ["patient_id"] if one_per == "patient" else ["patient_id", "study_id"]
    units = index.studies.set_index("image_id")[columns].agg("/".join, axis=1)
    counted = result.neighbors.assign(unit=units[result.neighbors["neighbor_id"]].to_numpy())
    assert (counted.groupby(["method", "query_id"])["unit"].nunique() == 5).all()
    table = result.tables["image"]
    scored = table.graph.pool[table.targets]
    labelled = index.studies["findings"].map(len).gt(0).to_numpy()
    found, _ = index.neighbors(scored, 5, modality="image", allowed=labelled, one_per=one_per)
    np.testing.assert_array_equal(found, table.graph.pool[table.nearest])
    assert all(row["repeated"][one_per] == 0 for row in result.summary["methods"].values())
    drawn = result.summary["methods"]["random"]
    assert drawn["lift_ci95"][0] - 0.02 < 0 < drawn["lift_ci95"][1] + 0.02


def test_neighbor_table_has_the_columns_of_search(result):
    table = result.neighbors
    assert list(table.columns) == [
        "query_id", "rank", "neighbor_id", "distance", "image_distance", "report_distance", "method"
    ]  # fmt: skip
    mine = table[table["method"] == "fused"]
    assert mine.groupby("query_id")["rank"].apply(list).map(lambda ranks: ranks == [1, 2, 3, 4, 5]).all()
    assert (mine.groupby("query_id")["distance"].diff().dropna() >= 0).all()
    assert mine[["image_distance", "report_distance"]].notna().all().all()
    image = table[table["method"] == "image"]
    np.testing.assert_allclose(image["distance"], image["image_distance"], rtol=1e-5)
    assert table.loc[table["method"] == "random", "distance"].isna().all()


def test_methods_are_scored_on_their_rows_and_compared_on_common_ground(result):
    methods = result.summary["methods"]
    assert methods["image"]["n_candidates"] == 117 and methods["report"]["n_candidates"] == 88
    assert methods["image"]["n_targets"] > methods["fused"]["n_targets"] == methods["report"]["n_targets"]
    pairs = {(row["first"], row["second"]): row for row in result.summary["comparisons"]}
    assert set(pairs) == {("fused", "image"), ("fused", "report")}
    for row in pairs.values():
        assert row["n_candidates"] == 88 and row["n_targets"] == methods["fused"]["n_targets"]
        assert row["difference"] == pytest.approx(row["first_overlap"] - row["second_overlap"])
        assert row["first_overlap"] == pytest.approx(methods["fused"]["mean_overlap"])


def test_comparison_searches_again_on_common_candidates():
    index = make_index()
    summary = evaluate_overlap(index, **QUICK).summary
    both = index.has["image"] & index.has["report"] & index.studies["findings"].map(len).gt(0).to_numpy()
    rows = np.flatnonzero(both)
    found, _ = index.neighbors(rows, 5, modality="image", allowed=both, one_per="patient")
    sets = [set(names) for names in index.studies["findings"]]
    overlap = np.mean([[bool(sets[q] & sets[i]) for i in row] for q, row in zip(rows, found, strict=True)])
    assert summary["comparisons"][0]["second_overlap"] == pytest.approx(overlap)


def test_same_seed_same_numbers_whatever_else_is_computed():
    index = make_index()
    alone = evaluate_overlap(index, seed=3, **QUICK).summary["methods"]["image"]
    among = evaluate_overlap(index, methods=make_baselines(index, ("random",)), seed=3, **QUICK).summary[
        "methods"
    ]["image"]
    other = evaluate_overlap(index, seed=4, **QUICK).summary["methods"]["image"]
    assert alone["p_value"] == among["p_value"] and alone["lift_ci95"] == among["lift_ci95"]
    # The interval is computed, not drawn.
    assert alone["lift_ci95"] == other["lift_ci95"] and alone["lift"] == other["lift"]


def test_any_disease_scores_diseased_targets_only():
    index = make_index()
    result = evaluate_overlap(index, definition="any-disease", **QUICK)
    sick = index.studies["findings"].map(lambda names: bool(names) and names != ["No Finding"])
    assert result.summary["methods"]["image"]["n_targets"] == sick.sum()
    assert set(result.neighbors["query_id"]) <= set(index.studies.loc[sick, "image_id"])
    healthy = ~sick & index.studies["findings"].map(len).gt(0)
    assert result.neighbors["neighbor_id"].isin(index.studies.loc[healthy, "image_id"]).any()


def test_where_limits_targets_and_candidates():
    index = make_index()
    methods = make_baselines(index, ("random",))
    result = evaluate_overlap(index, where="view == 'PA'", methods=methods, **QUICK)
    views = index.studies.set_index("image_id")["view"]
    assert (views[result.neighbors["neighbor_id"]] == "PA").all()
    assert (views[result.neighbors["query_id"]] == "PA").all()
    assert result.summary["where"] == "view == 'PA'"


def test_targets_with_too_few_candidates_are_counted():
    rng = np.random.default_rng(0)
    patients = np.r_[np.zeros(8, int), np.arange(1, 5)]  # patient 0 has 4 candidates, the others 11
    studies = make_studies(random_findings(rng, 12), patients)
    index = FakeIndex(studies, image=rng.normal(size=(12, 2)))
    summary = evaluate_overlap(index, k=5, one_per="image", **QUICK).summary
    row = summary["methods"]["image"]
    assert row["n_left_out"] == 8 and row["n_targets"] == 4 == summary["n_targets"]
    assert row["retrieval"]["p_at_10"] is not None
    with pytest.raises(UserError, match="no target has 5 candidates of different patients"):
        evaluate_overlap(index, k=5, **QUICK)


def test_per_finding_and_per_view_by_hand():
    index = make_index()
    result = evaluate_overlap(index, one_per="image", **QUICK)
    row, table = result.summary["methods"]["image"], result.neighbors
    table = table[table["method"] == "image"]
    studies = index.studies.set_index("image_id")
    for line in row["per_finding"]:
        has = studies["findings"].map(lambda names, f=line["finding"]: f in names)
        hits = table[has[table["query_id"]].to_numpy()]
        assert line["n_targets"] == hits["query_id"].nunique()
        assert line["share"] == pytest.approx(has[hits["neighbor_id"]].mean())
        chances = []
        for query in hits["query_id"].unique():
            others = studies[
                (studies["patient_id"] != studies.at[query, "patient_id"]) & studies["findings"].map(bool)
            ]
            chances.append(has[others.index].mean())
        assert line["random_share"] == pytest.approx(np.mean(chances))
    assert [line["view"] for line in row["per_view"]] == ["AP", "PA"]
    assert sum(line["n_targets"] for line in row["per_view"]) == row["n_targets"]
    weighted = sum(line["n_targets"] * line["lift"] for line in row["per_view"]) / row["n_targets"]
    assert weighted == pytest.approx(row["lift"])


def test_drawn_baselines_agree_with_the_exact_expectation():
    index = make_index()
    index.modalities = ("image",)
    lifts = []
    for seed in range(30):
        methods = make_baselines(index, ("random", "random-view"), seed=seed)
        summary = evaluate_overlap(index, methods=methods, n_permutations=1).summary["methods"]
        matched = summary["random-view"]["tests"]["matched"]["view"]
        lifts.append((summary["random"]["lift"], matched["lift"]))
    mean, error = np.mean(lifts, axis=0), np.std(lifts, axis=0) / np.sqrt(30)
    assert (np.abs(mean) < 4 * error + 1e-3).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k=0: .* at least 1"),
        ({"n_permutations": 0}, "n_permutations=0"),
        ({"definition": "half"}, "definition 'half'"),
        ({"where": "view == 'LATERAL'"}, "where .*LATERAL.*loosen"),
        ({"targets": "view == 'LATERAL'"}, "targets .*LATERAL.*loosen"),
        ({"k": 500}, "k=500: no target has 500 candidates.*smaller k"),
    ],
)
def test_errors_name_the_thing_and_the_remedy(options, message):
    with pytest.raises(UserError, match=message):
        evaluate_overlap(make_index(), **{**QUICK, **options})


def test_errors_of_baselines_name_them():
    with pytest.raises(UserError, match="baseline 'randm'"):
        make_baselines(make_index(), ("randm",))
    with pytest.raises(UserError, match="baseline 'pixels': no image files"):
        make_baselines(make_index(), ("pixels",))


def test_no_labels_at_all():
    index = FakeIndex(make_studies([[]] * 5), image=np.zeros((5, 2)))
    with pytest.raises(UserError, match="none of its images is labelled"):
        evaluate_overlap(index)


def test_any_disease_without_disease():
    index = FakeIndex(make_studies([["No Finding"]] * 9), image=np.random.default_rng(0).normal(size=(9, 2)))
    with pytest.raises(UserError, match="every target is 'No Finding'"):
        evaluate_overlap(index, definition="any-disease")


def test_two_data_sets_number_their_patients_independently():
    """Search and expectation leave out the same films: those of the pair (dataset, patient_id)."""
    rng = np.random.default_rng(3)
    n = 60
    patients = np.arange(n) // 4 % 8  # ids 0 to 7 in both halves
    halves = np.where(np.arange(n) < 32, "one", "other")
    studies = make_studies(random_findings(rng, n, 0.4), patients, dataset=halves)
    embeddings = Embeddings.from_arrays(list(studies["image_id"]), rng.normal(size=(n, 3)).astype(np.float32))
    index = NeighborIndex.build(embeddings, studies, backend="exact")
    result = evaluate_overlap(index, one_per="image", **QUICK)
    row, table = result.summary["methods"]["image"], result.neighbors
    who = [f"{half} {patient}" for half, patient in zip(halves, patients, strict=True)]
    person = dict(zip(studies["image_id"], who, strict=True))
    sets = {a: set(b) for a, b in zip(studies["image_id"], studies["findings"], strict=True)}
    chances = [
        np.mean([bool(sets[i] & sets[j]) for j in sets if person[j] != person[i]])
        for i in studies["image_id"]
    ]
    assert row["random_overlap"] == pytest.approx(np.mean(chances))
    assert row["n_patients"] == len(set(who)) == 15
    hits = [(person[a], person[b]) for a, b in zip(table["query_id"], table["neighbor_id"], strict=True)]
    assert all(a != b for a, b in hits)
    # Another data set's patient of the same number is somebody else, and may be found.
    assert any(a.split()[1] == b.split()[1] for a, b in hits)


def test_what_nobody_can_exchange_is_said():
    """One patient with 9 films, one with 7, the rest with one each: the two keep their findings."""
    rng = np.random.default_rng(5)
    patients = np.r_[np.zeros(9, int), np.ones(7, int), np.arange(2, 32)]
    studies = make_studies(random_findings(rng, 46, 0.4), patients)
    vectors = rng.normal(size=(46, 2)) + np.where(patients < 2, 3.0, 0.0)[:, None]
    result = evaluate_overlap(FakeIndex(studies, image=vectors), k=3, one_per="image", **QUICK)
    test = result.summary["methods"]["image"]["tests"]["permutation"]
    assert test["share_exchanged"] == pytest.approx(30 / 46)
    sets = [set(names) for names in studies["findings"]]
    row = {name: number for number, name in enumerate(studies["image_id"])}
    total = 0.0
    for query, hit in zip(result.neighbors["query_id"], result.neighbors["neighbor_id"], strict=True):
        i, j = row[query], row[hit]
        if max(patients[i], patients[j]) < 2:
            others = [c for c in range(46) if patients[c] != patients[i]]
            total += bool(sets[i] & sets[j]) - np.mean([bool(sets[i] & sets[c]) for c in others])
    assert test["fixed_lift"] == pytest.approx(total / len(result.neighbors)) and total != 0


def test_it_is_said_in_few_words_and_shown(result):
    lifts = {name: 100 * result.summary["methods"][name]["lift"] for name in ("image", "report", "fused")}
    said = ", ".join(f"{name} {lift:+.1f}".replace("-", "−") for name, lift in lifts.items())
    targets = f"{result.summary['n_targets']} targets of {result.summary['n_patients']} patients"
    question = "5 neighbours, same patient excluded, every image counts; any"
    assert repr(result) == f"<OverlapResult: {question}; {targets}; lift in points: {said}>"
    html = result._repr_html_()
    assert len(html) < 5000 and html.count("<tr>") == 1 + len(result.summary["methods"])
    assert f"{100 * result.summary['methods']['image']['mean_overlap']:.1f}\u00a0%" in html
    assert result.show().body.startswith('<img class="panel"') and targets in result.show().title


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"k": 2.5}, "k 2.5: must be a whole number"),
        ({"targets": ["i0"]}, "targets: a list; give an expression as text"),
        ({"methods": "pixels"}, "methods: not made by make_baselines"),
        ({"methods": ["pixels"]}, "methods: not made by make_baselines"),
        ({"n_permutations": 2.5}, "n_permutations 2.5: must be a whole number"),
        ({"seed": "x"}, "seed 'x': must be a whole number"),
    ],
)
def test_arguments_of_another_type(given, said):
    with pytest.raises(UserError, match=f"^{said}"):
        evaluate_overlap(make_index(), **given)


def test_what_is_no_index_and_no_list_of_names():
    with pytest.raises(UserError, match="index: a str; give a NeighborIndex"):
        evaluate_overlap("index")
    with pytest.raises(UserError, match=r"names: a str; give a list, such as \['random'\]"):
        make_baselines(make_index(), "random")
