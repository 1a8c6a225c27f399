from .pca import PCAEncoder as PCAEncoder
from .pixels import PixelEncoder as PixelEncoder
from .report_encoder import ReportEncoder as ReportEncoder
from .report_training import train_report_encoder as train_report_encoder
from .store import Embeddings as Embeddings
from .tfidf import TfidfEncoder as TfidfEncoder
from .vae import VAE as VAE
