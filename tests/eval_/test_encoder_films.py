from __future__ import annotations

import pandas as pd
import pytest

from cxrneighbors.data.imports import read_studies
from cxrneighbors.errors import UserError
from encoder_films import (
    MAIN,
    chestxray14,
    elsewhere,
    folds,
    last_look,
    lime_ray,
    read_labelled,
    within_codes,
)


@pytest.fixture(scope="module")
def main(data_sets) -> pd.DataFrame:
    return read_labelled(data_sets, MAIN)


def patients(films: pd.DataFrame) -> set[str]:
    return set(films["patient_id"])


def test_every_open_patient_is_scored_once_and_never_learned_from(main):
    open_patients = patients(main[main["split"] != "test"])
    fits = folds(main, [])
    scored = [patients(fit.scored[MAIN]) for fit in fits]
    assert set.union(*scored) == open_patients and sum(map(len, scored)) == len(open_patients)
    for fit in fits:
        assert patients(fit.learned) == open_patients - patients(fit.scored[MAIN])
        assert set(fit.learned["split"]) == {"train"}


def test_further_films_join_without_copies_scored_patients_or_test_patients(main, data_sets, archive):
    also = [chestxray14(data_sets / "chestxray14-256"), read_studies("folder", archive)]
    held = patients(pd.concat([main, also[0]]).query("split == 'test'"))
    for fit in [*folds(main, also), last_look(main, also, {})]:
        own = fit.learned[fit.learned["dataset"] == "chestxray14"]
        scored = patients(next(iter(fit.scored.values())))
        assert not own["image_id"].duplicated().any()
        assert patients(own) == patients(pd.concat([main, also[0]])) - scored - held
        assert (fit.learned["dataset"] == "folder").sum() == len(also[1])  # its test split is nobody's here


def test_last_look_scores_the_test_patients_and_learns_from_all_others(main):
    fit = last_look(main, [], {})
    assert patients(fit.scored["last-look"]) == patients(main[main["split"] == "test"])
    assert patients(fit.learned) == patients(main) - patients(fit.scored["last-look"])


def test_last_look_shares_what_was_trained_for_the_other_data_sets(main, data_sets):
    others = {"chestxray14-256": read_labelled(data_sets, "chestxray14-256")}
    fit, other = last_look(main, [], others), elsewhere(main, others)
    assert fit.models == other.name and fit.learned.equals(other.learned)
    assert not patients(fit.scored["last-look"]) & patients(fit.learned)
    assert last_look(main, [others["chestxray14-256"]], others).models == ""


def test_other_data_sets_share_no_patient_with_learning_and_none_with_the_test_split(main, data_sets):
    fit = elsewhere(main, {"chestxray14-256": read_labelled(data_sets, "chestxray14-256")})
    scored = patients(fit.scored["chestxray14-256"])
    held = patients(main[main["split"] == "test"])
    assert not scored & patients(fit.learned) and not held & (scored | patients(fit.learned))
    shared = patients(main) & {str(number) for number in range(101, 131)}
    assert shared & held and scored >= shared - held


def test_films_are_searched_within_views_or_sources(main, data_sets):
    codes = within_codes(main.assign(view=["PA", "UNKNOWN"] * (len(main) // 2)), MAIN)
    assert codes.tolist() == [0, -1] * (len(main) // 2)
    lungs = read_labelled(data_sets, "lung-masks")
    assert within_codes(lungs, "lung-masks").tolist() == [0, 1] * 20
    assert lungs["findings"].tolist()[:3] == [["Tuberculosis"], ["Tuberculosis"], ["No Finding"]]


def test_lime_ray_takes_source_and_patient_from_its_list(tmp_path, data_sets):
    images = data_sets / "lung-masks" / "images"
    for number, name in enumerate(("NORMAL", "COVID19")):
        for split in ("train", "test"):
            (tmp_path / split / name).mkdir(parents=True)
            path = tmp_path / split / name / f"{split}.png"
            path.write_bytes((images / f"{2 * number + (split == 'test')}.png").read_bytes())
    assert set(lime_ray(tmp_path)["source"]) == {"UNKNOWN"}
    listed = {"file": ["test/NORMAL/test.png"], "source": ["kermany"], "patient": ["person1"]}
    pd.DataFrame(listed).to_csv(tmp_path / "sources.csv", index=False)
    films = lime_ray(tmp_path).set_index("image_id")
    assert films.loc["test/NORMAL/test.png", ["source", "patient_id"]].tolist() == ["kermany", "person1"]
    assert (films["source"] == "UNKNOWN").sum() == 3 and films["patient_id"].notna().all()


def test_too_few_patients_and_a_missing_set_are_mistakes_in_one_line(main, tmp_path):
    with pytest.raises(UserError, match="no patient in fold"):
        folds(main[main["patient_id"] == main["patient_id"][0]], [])
    with pytest.raises(UserError, match="lung-masks"):
        read_labelled(tmp_path, "lung-masks")
