import numpy as np
import pytest

from cxrneighbors.data.splits import carve_validation, fill_splits, patient_folds, patient_split, uniform_hash


def test_a_patient_is_on_one_side_whatever_the_order():
    patients = np.random.default_rng(0).integers(0, 300, 2000).astype(str)
    split = patient_split(patients)
    for patient in set(patients):
        assert len(set(split[patients == patient])) == 1
    assert (patient_split(patients[::-1])[::-1] == split).all()


def test_adding_patients_changes_nobody():
    few = [f"p{i}" for i in range(50)]
    many = [f"p{i}" for i in range(500)]
    assert (patient_split(few) == patient_split(many)[:50]).all()


def test_shares_are_met_on_average():
    split = patient_split(range(20000), seed=3)
    for side, share in (("train", 0.6), ("val", 0.1), ("test", 0.3)):
        assert abs((split == side).mean() - share) < 4 * np.sqrt(share * (1 - share) / 20000)


def test_seed_changes_the_split_and_values_stay_for_ever():
    assert (patient_split(range(200), seed=0) != patient_split(range(200), seed=1)).any()
    # A changed hash would move patients from test to train of published results.
    assert uniform_hash("1", 0) == pytest.approx(0.502345425545121, abs=1e-12)
    assert patient_split(["1", "2", "3", "13", "75"]).tolist() == ["train", "val", "train", "train", "train"]


def test_fractions_of_zero_give_nobody():
    assert set(patient_split(range(500), fractions=(0.5, 0.0, 0.5))) == {"train", "test"}
    assert set(patient_split(range(50), fractions=(1.0, 0.0, 0.0))) == {"train"}


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.2, -0.2, 0.0), (0.5, 0.5)])
def test_no_shares_are_refused(fractions):
    with pytest.raises(ValueError, match="summing to 1"):
        patient_split(["a"], fractions=fractions)


def test_validation_is_carved_out_of_train_by_patient():
    patients = np.repeat(np.arange(1000), 3).astype(str)
    given = np.where(np.arange(3000) < 2000 - 2000 % 3, "train", "test")
    split = carve_validation(given, patients, fraction=0.2)
    assert ((split == "test") == (given == "test")).all()
    assert abs((split == "val").sum() / (given == "train").sum() - 0.2) < 0.06
    assert not set(patients[split == "val"]) & set(patients[split == "train"])


def test_blank_splits_follow_the_patient_and_test_before_train():
    given = ["train", None, "train", "test", None, None]
    patients = ["a", "a", "b", "b", "b", "c"]
    filled = fill_splits(given, patients, ["val"] * 6)
    assert filled.tolist() == ["train", "train", "train", "test", "test", "val"]


def test_folds_are_by_patient_about_equal_and_independent_of_the_split():
    patients = [str(number) for number in range(9000)]
    folds, split = patient_folds(patients), patient_split(patients)
    assert set(folds) == {0, 1, 2}
    for side in ("train", "val", "test"):
        shares = np.bincount(folds[split == side]) / (split == side).sum()
        np.testing.assert_allclose(shares, 1 / 3, atol=0.05)
    order = np.random.default_rng(0).permutation(len(patients))
    assert np.array_equal(patient_folds(np.array(patients)[order]), folds[order])
    assert patient_folds(["a", "b", "a"], 5).tolist()[0::2] == [patient_folds(["a"], 5)[0]] * 2
    assert not np.array_equal(patient_folds(patients, seed=1), folds)
