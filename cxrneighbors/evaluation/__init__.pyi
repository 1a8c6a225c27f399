from .evaluate import evaluate_overlap as evaluate_overlap
from .result import OverlapResult as OverlapResult
