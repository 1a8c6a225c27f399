from .neighbor_index import NeighborIndex as NeighborIndex
