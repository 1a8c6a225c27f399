from .data.imports import ImportResult as ImportResult
from .data.imports import import_dataset as import_dataset
from .data.imports import read_studies as read_studies
from .data.readers.phantom import generate_phantoms as generate_phantoms
from .data.tables import read_table as read_table
from .data.tables import write_table as write_table
from .encoders.encode import encode as encode
from .encoders.pca import PCAEncoder as PCAEncoder
from .encoders.report_encoder import ReportEncoder as ReportEncoder
from .encoders.store import Embeddings as Embeddings
from .encoders.vae import VAE as VAE
from .errors import UserError as UserError
from .evaluation.baselines import make_baselines as make_baselines
from .evaluation.evaluate import OverlapResult as OverlapResult
from .evaluation.evaluate import evaluate_overlap as evaluate_overlap
from .evaluation.write import write_evaluation as write_evaluation
from .index.hits import show as show
from .index.neighbor_index import NeighborIndex as NeighborIndex

__version__: str
