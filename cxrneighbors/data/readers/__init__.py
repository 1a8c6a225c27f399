"""One reader per data set; each module has `read(root, **options) -> ImportResult`."""

# Module paths, not modules: a reader is imported when it is used.
DATASETS: dict[str, str] = {
    "chestxray14": "cxrneighbors.data.readers.chestxray14",
    "mimic-cxr": "cxrneighbors.data.readers.mimic_cxr",
    "mimic-cxr-jpg": "cxrneighbors.data.readers.mimic_cxr_jpg",
    "chexpert": "cxrneighbors.data.readers.chexpert",
    "padchest": "cxrneighbors.data.readers.padchest",
    "vindr-cxr": "cxrneighbors.data.readers.vindr_cxr",
    "openi": "cxrneighbors.data.readers.openi",
    "covid-chestxray": "cxrneighbors.data.readers.covid_chestxray",
    "folder": "cxrneighbors.data.readers.folder",
    "lime-ray": "cxrneighbors.data.readers.lime_ray",
    "phantom": "cxrneighbors.data.readers.phantom",
}
