"""The cost of Workbench and of its peers, one file per question; run by `make bench`."""
