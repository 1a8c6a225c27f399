import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from cxrneighbors.data.imports import import_dataset
from cxrneighbors.data.readers.openi import mesh_findings
from cxrneighbors.errors import UserError


def xml(number, major=("normal",), findings="Clear <i>lungs</i>.", impression="Normal chest."):
    codes = "".join(f"<major>{code}</major>" for code in major)
    return f"""<?xml version="1.0" encoding="utf-8"?><eCitation><uId id="CXR{number}"/><Article><Abstract>
      <AbstractText Label="COMPARISON"/>
      <AbstractText Label="FINDINGS">{findings}</AbstractText>
      <AbstractText Label="IMPRESSION">{impression}</AbstractText></Abstract></Article>
      <MeSH>{codes}<automatic>Mass</automatic></MeSH>
      <parentImage id="CXR{number}_IM-1-1001"/>
      <parentImage id="CXR{number}_IM-1-2001"/></eCitation>""".encode()


def write(folder, *numbers, **options):
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number}.xml").write_bytes(xml(number, **options))


def archive(path, contents):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"../../ecgen-radiology/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_columns_without_images(tmp_path):
    write(tmp_path, 10, 2, major=["Cardiomegaly/mild", "Nodule"])
    result = import_dataset("openi", tmp_path)
    table = result.studies
    assert table["image_id"].tolist() == table["patient_id"].tolist() == ["CXR2", "CXR10"]
    assert table["path"].tolist() == [None, None]
    assert table["view"].tolist() == ["UNKNOWN"] * 2
    assert table["findings"].iloc[0] == ["Cardiomegaly", "Nodule"]
    assert table["report"].iloc[0] == "FINDINGS: Clear lungs.\n\nIMPRESSION: Normal chest."
    assert table["sections"].iloc[0] == {"findings": "Clear lungs.", "impression": "Normal chest."}


def test_one_row_for_each_image_that_is_there(tmp_path):
    write(tmp_path, 1, 2, 3)
    folder = tmp_path / "png"
    folder.mkdir()
    for name in ("CXR1_IM-1-1001", "CXR1_IM-1-2001", "CXR2_IM-1-2001"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / f"{name}.png")
    (folder / "CXR3_IM-1-1001.png").touch()
    result = import_dataset("openi", tmp_path)
    assert result.studies["image_id"].tolist() == [
        "CXR1_IM-1-1001",
        "CXR1_IM-1-2001",
        "CXR2_IM-1-2001",
        "CXR3",
    ]
    assert result.studies["path"].iloc[0] == str(folder / "CXR1_IM-1-1001.png")
    assert result.studies["path"].iloc[3] is None
    assert result.studies["study_id"].tolist() == ["CXR1", "CXR1", "CXR2", "CXR3"]
    assert result.skipped.to_frame()["reason"].tolist() == ["image file is empty (0 bytes)"]


def test_archive_equals_folder_and_nothing_is_unpacked(tmp_path):
    write(tmp_path / "loose", 1, 2, 11)
    packed = tmp_path / "packed"
    packed.mkdir()
    archive(packed / "NLMCXR_reports.tgz", {f"{n}.xml": xml(n) for n in (11, 2, 1)})
    expected = import_dataset("openi", tmp_path / "loose").studies
    for root in (packed, packed / "NLMCXR_reports.tgz"):
        assert import_dataset("openi", root).studies.equals(expected)
    assert [path.name for path in packed.iterdir()] == ["NLMCXR_reports.tgz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loose", "packed"]


def test_broken_and_repeated_reports_are_listed(tmp_path):
    write(tmp_path, 1)
    (tmp_path / "2.xml").write_bytes(xml(2)[:300])
    (tmp_path / "3.xml").write_bytes(xml(1))
    (tmp_path / "4.xml").write_text("<eCitation/>")
    (tmp_path / "5.xml").touch()
    (tmp_path / "6.xml").write_bytes(xml(6).replace(b"utf-8", b"utf-9"))
    result = import_dataset("openi", tmp_path)
    frame = result.skipped.to_frame()
    reasons = dict(zip(frame["item"], frame["reason"], strict=True))
    assert len(result.studies) == 1 and len(reasons) == 5
    assert reasons["3.xml"] == "duplicate report (id CXR1)"
    assert reasons["4.xml"] == "no readable report (no uId)"
    assert "utf-9" in reasons["6.xml"]
    assert reasons["2.xml"].startswith("no readable report (") and reasons["5.xml"].startswith("no readable")


def test_damaged_archives(tmp_path):
    path = tmp_path / "NLMCXR_reports.tgz"
    rng = np.random.default_rng(0)
    noise = {n: rng.bytes(3000).hex() for n in range(30)}
    archive(path, {f"{n}.xml": xml(n, findings=noise[n]) for n in range(30)})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = import_dataset("openi", tmp_path)
    assert 5 < len(result.studies) < 25
    assert "the archive is damaged after" in result.skipped.to_frame()["reason"].iloc[-1]
    path.unlink()
    plain, ends = tmp_path / "reports.tar", []
    with tarfile.open(plain, "w") as packed:
        for n in range(6):
            part = tarfile.TarInfo(f"{n}.xml")
            part.size = len(xml(n))
            packed.addfile(part, io.BytesIO(xml(n)))
            ends.append(packed.offset)
    plain.write_bytes(plain.read_bytes()[: ends[3]])  # a cut between two members
    result = import_dataset("openi", tmp_path)
    assert len(result.studies) == 4
    assert "damaged after 4 reports (its end is missing)" in result.skipped.to_frame()["reason"].iloc[-1]
    plain.unlink()
    path.write_bytes(b"no archive at all")
    with pytest.raises(UserError, match=r"NLMCXR_reports\.tgz: cannot be read as a tar archive"):
        import_dataset("openi", tmp_path)


def test_folder_without_reports(tmp_path):
    with pytest.raises(UserError, match=r"no report XML and no reports archive"):
        import_dataset("openi", tmp_path)


@pytest.mark.parametrize(
    ("codes", "findings"),
    [
        (["normal"], ["No Finding"]),
        (["Pulmonary Atelectasis/base/left/mild", "Pulmonary Atelectasis/lingula"], ["Atelectasis"]),
        (["Pulmonary Emphysema", "Emphysema"], ["Emphysema"]),
        (["Thickening/pleura/left"], ["Pleural_Thickening"]),
        (["Thickening/bronchi"], ["Thickening"]),
        (["Cardiac Shadow/enlarged/mild"], ["Cardiomegaly"]),
        (["Lung/hypoinflation/mild"], ["Lung/hypoinflation"]),
        (["Lung/bilateral/hyperdistention"], ["Lung/hyperdistention"]),
        (["Diaphragm/right/elevated"], ["Diaphragm/elevated"]),
        (["Pleura"], ["Pleura"]),
        (["Heart/left"], ["Heart/left"]),
        (["Thoracic vertebrae/degenerative"], ["Thoracic Vertebrae/degenerative"]),
        (["Calcified Granuloma/lung"], ["Calcified Granuloma"]),
        (["Hydropneumothorax/left"], ["Effusion", "Pneumothorax"]),
        (["Subcutaneous Emphysema"], ["Subcutaneous Emphysema"]),
        (["No Indexing"], []),
        (["Technical Quality of Image Unsatisfactory "], []),
        (["Technical Quality of Image Unsatisfactory ", "normal"], ["No Finding"]),
        (["normal", "Mass"], ["Mass"]),
        (["", "/x"], []),
        ([], []),
    ],
)
def test_mesh_codes(codes, findings):
    assert mesh_findings(codes) == findings


def test_real_reports(shared_data):
    result = import_dataset("openi", shared_data / "openi")
    table = result.studies
    assert len(table) == 2739 and len(result.skipped) == 0
    counts = table["findings"].explode().value_counts()
    # 'normal' stands in 964 files, 'Pulmonary Atelectasis' in 236, 'Pleural Effusion' in 114.
    assert counts["No Finding"] == 964 and counts["Atelectasis"] == 236 and counts["Effusion"] == 114
    assert (table["findings"].str.len() == 0).sum() == 74
    assert table["report"].notna().sum() == 2719
