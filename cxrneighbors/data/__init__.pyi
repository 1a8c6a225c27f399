from .imports import ImportResult as ImportResult
from .imports import import_dataset as import_dataset
from .imports import read_studies as read_studies
from .pixels import read_pixels as read_pixels
from .schema import validate_studies as validate_studies
from .tables import read_table as read_table
from .tables import write_table as write_table
