from cxrneighbors.data.skipped import Skipped, read_skipped, write_skipped


def listed(stage, *items):
    skipped = Skipped(stage)
    for item in items:
        skipped.add(item, "no image file")
    return skipped


def test_frame_has_the_four_columns():
    skipped = Skipped("import")
    skipped.add("a.png", "no image file", row=7)
    skipped.add("b.png", "empty")
    frame = skipped.to_frame()
    assert list(frame.columns) == ["stage", "item", "row", "reason"]
    assert frame["item"].tolist() == ["a.png", "b.png"]
    assert frame["row"].iloc[0] == 7 and frame["row"].isna().tolist() == [False, True]
    assert len(skipped) == 2 and len(Skipped().to_frame()) == 0


def test_writing_replaces_the_same_stage_only(tmp_path):
    write_skipped(listed("import", "a", "b"), tmp_path)
    write_skipped(listed("encode", "c"), tmp_path)
    path = write_skipped(listed("import", "d"), tmp_path)
    frame = read_skipped(path)
    assert list(zip(frame["stage"], frame["item"], strict=True)) == [("encode", "c"), ("import", "d")]
    write_skipped(Skipped("import"), tmp_path)
    assert read_skipped(tmp_path)["stage"].tolist() == ["encode"]


def test_stage_argument_overrides_and_text_survives(tmp_path):
    skipped = Skipped()
    skipped.add('odd, "name"\nß', "NA", row=2)
    write_skipped(skipped, tmp_path / "new", stage="index")
    frame = read_skipped(tmp_path / "new" / "skipped.csv")
    assert frame.iloc[0].tolist() == ["index", 'odd, "name"\nß', 2, "NA"]


def test_nothing_skipped_still_says_so(tmp_path):
    write_skipped(Skipped(), tmp_path)
    assert (tmp_path / "skipped.csv").read_text() == "stage,item,row,reason\n"


def test_summary_counts_reasons_without_their_details():
    skipped = listed("import", "a", "b")
    skipped.add("c", "unknown split (x)")
    skipped.add("d", "unknown split (y)")
    skipped.add("e", "duplicate")
    assert skipped.summary() == "5 skipped (2 no image file, 2 unknown split, 1 duplicate)"
    assert Skipped().summary() == "0 skipped"


def test_extend_appends():
    skipped = listed("import", "a")
    skipped.extend(listed("encode", "b"))
    assert skipped.to_frame()["item"].tolist() == ["a", "b"]
