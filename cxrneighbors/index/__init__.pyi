from .hits import SearchHits as SearchHits
from .hits import show as show
from .neighbor_index import NeighborIndex as NeighborIndex
