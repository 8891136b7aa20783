"""What Workbench costs, and what its peers cost beside it. One file a question; `make bench`."""
