import numpy as np

from labeler_scores import has_text, in_development, ratios, scores


def test_ratios_pool_their_pairs():
    truth, answer = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert ratios((truth, answer), (truth, truth)) == {
        "true_positive": 3, "false_positive": 1, "false_negative": 1,
        "precision": 0.75, "recall": 0.75, "f1": 0.75,
    }  # fmt: skip
    assert ratios((~truth & truth, ~truth & truth))["f1"] == 0


def test_scores_leave_normal_out_and_turn_it_round():
    truth = {"A": np.array([True, False]), "normal": np.array([False, True])}
    told = {"A": np.array([True, True]), "normal": np.array([False, False])}
    made = scores(truth, told, np.array([True, True]))
    assert made["n"] == 2 and made["micro without normal"] == made["A"]
    assert made["abnormal (not in micro)"]["precision"] == 0.5
    assert made["micro"]["false_negative"] == 1


def test_halves_are_fixed_and_about_equal():
    development = [in_development(f"CXR{i}") for i in range(2000)]
    assert 900 < sum(development) < 1100 and development[0] == in_development("CXR0")


def test_a_report_of_its_history_alone_has_no_text():
    assert has_text("FINDINGS: Clear.") and not has_text("HISTORY: Cough.") and not has_text(None)
