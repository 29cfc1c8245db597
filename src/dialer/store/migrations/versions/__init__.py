"""One file a revision, named vNNNN_what.py."""
