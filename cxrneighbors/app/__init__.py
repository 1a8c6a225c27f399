"""The explorer: a page in the browser on which an index is searched and looked at."""
